"""The guide "Publish to learn" as data: what it says is sent and answered, and which tool call stands for it."""
