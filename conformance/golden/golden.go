// Package golden creates the golden vectors: the results of core/reference for every operation, a small network and the
// update rules, as JSON that can be read without Go. README.md explains the files.
//
// It is a package of its own because its files are for backends in other languages, and no Go code reads them.
package golden

// Files returns all files by their path below this folder.
func Files() (map[string][]byte, error) {
	out := map[string][]byte{}
	cases, err := operations()
	if err != nil {
		return nil, err
	}
	for name, doc := range cases {
		out["operations/"+name+".json"] = encode(doc)
	}
	list, err := listing()
	if err != nil {
		return nil, err
	}
	out["operations/README.md"] = list
	net, err := network()
	if err != nil {
		return nil, err
	}
	out["network.json"] = encode(net)
	rules, err := optimisers()
	if err != nil {
		return nil, err
	}
	out["optimisers.json"] = encode(rules)
	return out, nil
}
