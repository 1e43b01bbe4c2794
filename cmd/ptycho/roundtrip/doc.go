// Package roundtrip holds one test. It follows every setting from the command line through the resolved configuration to
// what the plugin receives, and to something that can be seen to change. The list of settings is the table of
// core/config: a setting without a trip fails, and so does a trip whose setting stops short anywhere on its way.
//
// It is a package of its own because go test runs packages at the same time, and this one takes long.
package roundtrip
