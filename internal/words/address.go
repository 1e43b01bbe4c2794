package words

import (
	"regexp"
	"strings"
)

// bare matches user:password@host without a scheme, as a user may write it by mistake.
var bare = regexp.MustCompile(`^[^/\\\s:@]+:[^/\\\s@]*@`)

// Address removes the credentials of an address. An address such as https://user:password@host/path?token=secret may contain
// credentials before the host and in its query. Only the connection itself may use them: files, messages, loggers and plugins
// receive the result of Address.
//
// It returns an address without credentials, query and fragment. A path of a file or folder is returned unchanged. A
// password that is not escaped may contain any character, so everything up to the last @ is removed.
func Address(address string) string {
	scheme, rest, isAddress := strings.Cut(address, "://")
	if !isAddress {
		if BareCredentials(address) {
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

// BareCredentials reports whether an address has credentials but no scheme, so that it would be taken for the name of a folder.
func BareCredentials(address string) bool { return bare.MatchString(address) }

// within finds addresses in a text. A space, a quotation mark or an angle bracket ends an address.
var within = regexp.MustCompile("[A-Za-z][A-Za-z0-9+.-]*://[^\\s\"'`<>]+")

// Scrub returns a text in which every address is made public. Use it for sentences that quote a user or a server.
func Scrub(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return within.ReplaceAllStringFunc(text, func(found string) string {
		end := len(strings.TrimRight(found, ".,;:)]}")) // of the sentence, not of the address
		return Address(found[:end]) + found[end:]
	})
}
