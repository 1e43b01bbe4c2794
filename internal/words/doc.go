// Package words writes the words of messages: numbers of things ("1 pattern", "2 patterns"), and foreign text made safe to show.
//
// Text from a plugin, a file or a server can contain escape sequences that move the cursor or set the window's title, newlines that
// imitate our own messages, and invisible or right-to-left marks that make one text look like another. Pass such text through Line
// or Name before it reaches a terminal or an error, and addresses, which may contain a password, through Address or Scrub.
package words
