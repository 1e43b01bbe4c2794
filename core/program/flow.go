package program

import "slices"

// Needed lists the operations, by index in order, that the given values depend on. Backends compile only these.
func (p *Program) Needed(values ...string) []int {
	want := map[string]bool{}
	for _, v := range values {
		want[v] = true
	}
	var out []int
	for i := len(p.Ops) - 1; i >= 0; i-- {
		if !want[p.Ops[i].Out] {
			continue
		}
		out = append(out, i)
		for _, v := range p.Ops[i].In {
			want[v] = true
		}
	}
	slices.Reverse(out)
	return out
}

// Read returns the values that the given ones depend on, including themselves: inputs, parameters, buffers and results.
func (p *Program) Read(values ...string) map[string]bool {
	read := map[string]bool{}
	for _, v := range values {
		read[v] = true
	}
	for _, i := range p.Needed(values...) {
		for _, v := range p.Ops[i].In {
			read[v] = true
		}
	}
	return read
}

// InputsOf lists the inputs that the given values depend on.
func (p *Program) InputsOf(values ...string) []string {
	read := p.Read(values...)
	out := []string{}
	for _, in := range p.Inputs {
		if read[in.Name] {
			out = append(out, in.Name)
		}
	}
	return out
}

// Reached returns the values that a gradient of the given ones flows to, including themselves.
func (p *Program) Reached(values ...string) map[string]bool {
	flows := map[string]bool{}
	for _, v := range values {
		flows[v] = true
	}
	for i := len(p.Ops) - 1; i >= 0; i-- {
		o := p.Ops[i]
		if !flows[o.Out] {
			continue
		}
		for _, j := range Differentiable(o.Kind, len(o.In)) {
			flows[o.In[j]] = true
		}
	}
	return flows
}

// Trainable lists the parameters that training changes, by name in the program's order.
func (p *Program) Trainable() []string {
	var out []string
	for _, q := range p.Params {
		if q.Trainable {
			out = append(out, q.Name)
		}
	}
	return out
}

// ScalarValues lists the values that the scalars read.
func (p *Program) ScalarValues() []string {
	out := make([]string, len(p.Scalars))
	for i, sc := range p.Scalars {
		out[i] = sc.Value
	}
	return out
}

// LossValues lists the values behind the named scalars.
func (p *Program) LossValues(scalars ...string) []string {
	var out []string
	for _, name := range scalars {
		for _, sc := range p.Scalars {
			if sc.Name == name {
				out = append(out, sc.Value)
			}
		}
	}
	return out
}

// Tables lists the tables that are read with an index input, directly or reshaped, with their number of rows.
func (p *Program) Tables(index string, types map[string]Type) map[string]int {
	same, out := map[string]bool{index: true}, map[string]int{}
	for _, o := range p.Ops {
		if (o.Kind == Reshape || o.Kind == Detach) && same[o.In[0]] {
			same[o.Out] = true
		}
		if o.Kind == Gather && same[o.In[1]] {
			out[o.In[0]] = int(types[o.In[0]].Shape[0])
		}
	}
	return out
}
