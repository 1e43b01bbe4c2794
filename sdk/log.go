package sdk

import (
	"io"
	"log/slog"
	"os"

	"github.com/hashicorp/go-hclog"

	"github.com/ptychogo/ptycho/sdk/wire"
)

// logLevel returns the level that the host requests, so that lines which it would drop are never written.
func logLevel() hclog.Level {
	if l := hclog.LevelFromString(os.Getenv(wire.LogLevelKey)); l != hclog.NoLevel {
		return l
	}
	return hclog.Info
}

// levelTrace has no name in slog.
const levelTrace = slog.LevelDebug - 4

// logHandler writes log lines in the format that the host reads: hclog's JSON.
func logHandler(w io.Writer, level hclog.Level) slog.Handler {
	if level == hclog.Off {
		return slog.DiscardHandler
	}
	levels := map[hclog.Level]slog.Level{
		hclog.Trace: levelTrace,
		hclog.Debug: slog.LevelDebug,
		hclog.Info:  slog.LevelInfo,
		hclog.Warn:  slog.LevelWarn,
		hclog.Error: slog.LevelError,
	}
	return slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: levels[level],
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) > 0 {
				return a
			}
			switch a.Key {
			case slog.TimeKey:
				return slog.String("@timestamp", a.Value.Time().Format(hclog.TimeFormatJSON))
			case slog.MessageKey:
				a.Key = "@message"
			case slog.LevelKey:
				l, _ := a.Value.Any().(slog.Level)
				return slog.String("@level", levelName(l))
			}
			return a
		},
	})
}

func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelDebug:
		return "trace"
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	}
	return "error"
}
