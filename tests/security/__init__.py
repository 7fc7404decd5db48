"""The API key stands in one header of each request, and nowhere else.

Not in an answer, an error, a progress message, a log line at debug level, a `repr`, the journal, or what `doctor`
says; not when upstream sends it back in headers, redirects, errors or the content itself, in whatever spelling; not
when the network's own exceptions quote it.
"""
