"""The world behind the API: how posts gather views, creatives are scored, ads spend and content turns out."""
