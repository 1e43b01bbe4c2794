"""Log lines in the format that the host reads: JSON, one object a line, on standard error."""

from __future__ import annotations

import datetime
import json
import logging
import os
import sys

_LEVELS = {"trace": 5, "debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
OFF = logging.CRITICAL + 1


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = next(name for name, number in reversed(_LEVELS.items()) if record.levelno >= number or name == "trace")
        at = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        line = {"@level": level, "@message": record.getMessage(), "@module": record.name,
                "@timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(level: str) -> None:
    """configure sends all log lines of the process to the host, from the level that it asks for."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(handlers=[handler], level=OFF if level == "off" else _LEVELS.get(level, logging.INFO), force=True)


def level_from_environment() -> str:
    """level_from_environment returns the level that the host asks for."""
    return os.environ.get("PTYCHO_LOG_LEVEL", "info")
