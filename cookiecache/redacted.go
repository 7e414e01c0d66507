package cookiecache

import "log/slog"

// redacted makes the type that embeds it print as [redacted], by fmt and by
// log/slog: codecs hold keys.
type redacted struct{}

func (redacted) String() string       { return "[redacted]" }
func (redacted) GoString() string     { return "[redacted]" }
func (redacted) LogValue() slog.Value { return slog.StringValue("[redacted]") }
