"""Logs for log collectors: one JSON object per line."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

from layers_mcp.cli.logs import RedactingFormatter
from layers_mcp.telemetry import current_call

_IDS = re.compile(
    r"\b(?:(?:prj|org|cnt|pp|adc|job|sp|sa|inf|med|req)_[0-9A-Za-z-]+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9]{12,})"
)
"""What Layers' ids look like: a log that is collected holds none."""

OF_A_CALL = ("request_id", "tool", "tenant", "ms", "outcome")
"""Fields beside `time`, `level` and `message`, on lines that belong to a tool call."""


class JsonFormatter(RedactingFormatter):
    """Who a line belongs to is in fields beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = f"{record.name}: {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        line: dict[str, object] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": _IDS.sub("[id]", self.redact(text)),
        }
        if call := current_call.get():
            line |= vars(call)
        line |= {name: value for name, value in vars(record).items() if name in OF_A_CALL}
        return json.dumps(line, ensure_ascii=False)
