package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// apart begins the sentence of a package comment with the reason for a package that only one other package imports.
const apart = "is a package of its own because "

// CheckPackages reports every package that neither two packages import nor a command, outside tests, and whose comment gives no
// reason for it. Commands and generated packages need none.
func CheckPackages(files []File) []Violation {
	importers := map[string][]string{} // directories by the package that they import
	exempt := map[string]bool{}
	var dirs []string
	for _, f := range files {
		dir := f.Dir()
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		// A comment is wrapped at any space.
		if f.Generated || f.Package == "main" || strings.Contains(strings.Join(strings.Fields(f.Comment), " "), apart) {
			exempt[dir] = true
		}
		for _, p := range f.Imports {
			own, ok := strings.CutPrefix(p, Module+"/")
			if !ok || f.Test() {
				continue
			}
			if f.Package == "main" {
				exempt[own] = true
			}
			if !slices.Contains(importers[own], dir) {
				importers[own] = append(importers[own], dir)
			}
		}
	}
	var found []Violation
	for _, dir := range dirs {
		if n := len(importers[dir]); n < 2 && !exempt[dir] {
			found = append(found, Violation{dir, "", fmt.Sprintf("%d packages import it outside tests: merge it with one of them, or say in the package comment that it %s…", n, apart)})
		}
	}
	return found
}
