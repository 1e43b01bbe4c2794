// Package address keeps credentials out of what is written and shown. An address such as
// https://user:password@host/path?token=secret may hold some before the host and in its query. Nothing but the connection
// itself may use them: files, messages, loggers and plugins get what Public returns.
package address

import (
	"regexp"
	"strings"
)

// bare is user:password@host without a scheme, as a user may write it by mistake.
var bare = regexp.MustCompile(`^[^/\\\s:@]+:[^/\\\s@]*@`)

// Public returns an address without credentials, query and fragment. A path of a file or folder is returned as it is.
// A password that is not escaped may hold any character, so everything up to the last @ is removed.
func Public(address string) string {
	scheme, rest, isAddress := strings.Cut(address, "://")
	if !isAddress {
		if Bare(address) {
			return address[strings.LastIndex(address, "@")+1:]
		}
		return address
	}
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest = rest[i+1:]
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i]
	}
	return scheme + "://" + rest
}

// Bare reports whether an address has credentials but no scheme, so that it would be taken for the name of a folder.
func Bare(address string) bool { return bare.MatchString(address) }

// within finds addresses within a text. A space, a quotation mark or an angle bracket ends one.
var within = regexp.MustCompile("[A-Za-z][A-Za-z0-9+.-]*://[^\\s\"'`<>]+")

// Scrub returns a text with every address in it made public. It is for sentences that quote what a user or a server wrote.
func Scrub(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return within.ReplaceAllStringFunc(text, func(found string) string {
		end := len(strings.TrimRight(found, ".,;:)]}")) // of the sentence, not of the address
		return Public(found[:end]) + found[end:]
	})
}
