package conformance_test

// freshMutants were written after the cases, of kinds that the others do not have: pieces of large parameters, identities in answers, limits
// of what is accepted, fields of devices, events and options, files with strides.
var freshMutants = []Mutant{
	{"the last part of a large parameter is not updated", engine + "host.go", "(len(w)+updated-1)/updated", "max(1, len(w)/updated)", 0, "train/wide/adam", "wide|step|weights"},
	{"every part of a large moving average is written to its first part", engine + "host.go", "optim.Average(u.average.data[from:to], w[from:to]", "optim.Average(u.average.data[:to-from], w[from:to]", 0, "train/wide/adam", "ema|average"},
	{"every part of a large parameter has the first part's moments", engine + "host.go", "part[j] = s.data[from:to]", "part[j] = s.data[:to-from]", 0, "train/wide/adam", "wide|step|weights"},
	{"a step that is not finite is counted", engine + "train.go", "return r, backend.Errorf(backend.Numeric", "s.steps = st.Number\n\t\treturn r, backend.Errorf(backend.Numeric", 0, "train/not-finite", "not-finite|step count"},
	{"the norm is that of the first parameter", engine + "host.go", "optim.Norm(q.grads...)", "optim.Norm(q.grads[:1]...)", 0, "", "norm"},
	{"the loss of a step has no weights", engine + "train.go", "r.Loss = feed.Weigh(p.LossWeights, r.Scalars, norm)", "r.Loss = feed.Weigh(map[string]float64{feed.Active(p.LossWeights)[0]: 1}, r.Scalars, norm)", 0, "", "loss"},
	{"patches name the first batch", engine + "predict.go", "feed.Patches(i, t)", "feed.Patches(0, t)", 0, "", "[Rr]econstruct|patches|result"},
	{"half of the moving average is used", engine + "host.go", "for i, v := range y {", "for i, v := range y[:len(y)/2+1] {", 0, "evaluate/ema", "ema|average"},
	{"a graph for two groups is used for more", engine + "machine.go", "r.Groups, r.Values, r.Losses", "min(r.Groups, 2), r.Values, r.Losses", 0, "", "again/batch-size|groups|batch"},
	{"a graph is used for other parameters", engine + "machine.go", "r.Values, r.Losses, r.Params)", "r.Values, r.Losses, len(r.Params) > 0)", 0, "", "gradient"},
	{"the first micro-batch's inputs are used for all", feeding + "session.go", "batches = append(batches, st.Batches...)", "batches = append(batches, st.Batches...)\n\t\tfor i := range st.Batches[1:] {\n\t\t\tbatches[len(batches)-1-i] = st.Batches[0]\n\t\t}", 0, "", "micro-batches|train/accumulate"},
	{"datasets have the same name", feeding + "session.go", "fmt.Sprintf(\"dataset-%d\", s.count)", "fmt.Sprintf(\"dataset-%d\", min(s.count, 1))", 0, "", "dataset|bind|table|file"},
	{"a plan is not checked", feeding + "session.go", "if err := p.Check(s.program); err != nil {", "if err := p.Check(s.program); err != nil && len(p.Steps) == 0 {", 0, "refuses/plan", "plan"},
	{"a weight too few is read from memory", feeding + "gather.go", "if b.Weights != nil && len(b.Weights) != n {", "if b.Weights != nil && len(b.Weights) > n {", 0, "", "weight"},
	{"offsets are transposed", feeding + "gather.go", "return fromReal(dst, 0, b.Offsets)", "swapped := slices.Clone(b.Offsets)\n\t\tfor i := 0; i+1 < len(swapped); i += 2 {\n\t\t\tswapped[i], swapped[i+1] = swapped[i+1], swapped[i]\n\t\t}\n\t\treturn fromReal(dst, 0, swapped)", 0, "inputs/values", "offsets"},
	{"a row that is not contiguous begins at the first one", feeding + "gather.go", "a.row.pack(raw, a.mem, base, size)", "a.row.pack(raw, a.mem, a.base, size)", 0, "files/layout", "file|gaps|columns|patterns"},
	{"numbers of 16 bits have a sign", feeding + "convert.go", "return fromReal(dst, from, must[uint16](src))", "signed := make([]int32, 0, src.Len())\n\t\tfor _, v := range must[uint16](src) {\n\t\t\tsigned = append(signed, int32(int16(v)))\n\t\t}\n\t\treturn fromReal(dst, from, signed)", 0, "stored-types", "uint16"},
	{"weights that are not numbers are accepted", "core/backend/check.go", "if !(w >= 0) || math.IsInf(float64(w), 0) {", "if w < 0 {", 0, "refuses/batch", "NaN|infinite"},
	{"the plugin does not read the precision", messages + "server.go", "DType:         tensor.DType(m.GetDtype()),", "", 0, "precision", "float64|precision"},
	{"the plugin does not read the memory limit", messages + "server.go", "MemoryLimit:   m.GetMemoryLimit(),", "", 0, "memory-limit", "memory"},
	{"the plugin does not send the names of devices", messages + "server.go", "Id: d.ID, Name: d.Name,", "Id: d.ID,", 0, "devices", "device"},
	{"the plugin lists an operation less", messages + "server.go", "for _, o := range i.Operations {", "for _, o := range i.Operations[1:] {", 0, "", "operation"},
	{"events have no phase", messages + "events.go", "Phase: e.Phase, Message", "Message", 0, "", "phase"},
	{"numeric errors are invalid ones", messages + "errors.go", "st := status.New(code, d.What)", "if kind == backend.Numeric {\n\t\td.Kind = pb.ErrorKind_ERROR_KIND_INVALID\n\t}\n\tst := status.New(code, d.What)", 0, "", "kind"},
	{"the result of a call is emitted after the next one", messages + "server_session.go", "var mu sync.Mutex\n\treturn func(r R) error {", "var mu sync.Mutex\n\tvar kept []R\n\tsend := emit\n\temit = func(r R) error {\n\t\tif kept = append(kept, r); len(kept) < 2 {\n\t\t\treturn nil\n\t\t}\n\t\tr, kept = kept[0], kept[1:]\n\t\treturn send(r)\n\t}\n\treturn func(r R) error {", 0, "", "result"},
}
