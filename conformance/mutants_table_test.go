package conformance_test

import "slices"

const (
	kernelFiles = "plugins/gorgonia/kernel/"
	engine      = "plugins/gorgonia/backend/"
	feeding     = "sdk/feed/"
)

// Mutants returns all mutants.
func Mutants() []Mutant {
	return slices.Concat(kernelMutants, sessionMutants, sharedMutants, freshMutants)
}

var kernelMutants = []Mutant{
	{"SiLU's gradient lacks a factor", kernelFiles + "elementwise.go", "return s + y*(1-s)", "return s + y", 0, "operation/silu", "silu"},
	{"the slope of a leaky ReLU is fixed", kernelFiles + "elementwise.go", `slope, scale, shift := T(c.Attr("slope")),`, "slope, scale, shift := T(0.01),", 0, "operation/leaky_relu", "leaky_relu"},
	{"the gradient of a root at 0 is not 0", kernelFiles + "elementwise.go", "if y == 0 {\n\t\t\t\treturn 0", "if y == 0 {\n\t\t\t\treturn 1", 0, "operation/sqrt", "sqrt"},
	{"ln(1 + x) instead of log1p", kernelFiles + "elementwise.go", "T(math.Log1p(float64(x))) }, func(x, _ T)", "T(math.Log(float64(1 + x))) }, func(x, _ T)", 0, "operation/log1p", "log1p"},
	{"softplus overflows", kernelFiles + "elementwise.go", "max(x, 0) + T(math.Log1p(math.Exp(-math.Abs(float64(x)))))", "T(math.Log1p(math.Exp(float64(x))))", 0, "operation/softplus", "softplus"},
	{"the divisor's gradient has the wrong sign", kernelFiles + "elementwise.go", "return -float64(g[i]) * float64(out[i])", "return float64(g[i]) * float64(out[i])", 0, "operation/div", "div"},
	{"a worker's piece begins at the first element of a repeated operand", kernelFiles + "elementwise.go", "j := from % len(b)", "j := 0", 0, "operation/add", "add"},
	{"the subtrahend's gradient has the wrong sign", kernelFiles + "elementwise.go", "return float64(sign * g[i])", "return float64(g[i])", 0, "operation/sub", "sub"},
	{"a complex factor is not conjugated in the gradient", kernelFiles + "elementwise.go", "float64(g[k+1])*float64(a[k])-float64(g[k])*float64(a[k+1])", "float64(g[k+1])*float64(a[k])+float64(g[k])*float64(a[k+1])", 0, "operation/mul", "mul"},
	{"a real factor's gradient ignores imaginary parts", kernelFiles + "elementwise.go", "return float64(g[2*i])*float64(a[2*i]) + float64(g[2*i+1])*float64(a[2*i+1])", "return float64(g[2*i]) * float64(a[2*i])", 0, "operation/mul", "mul"},
	{"the gradient of affine lacks the scale", kernelFiles + "elementwise.go", "func(T, T) T { return scale }", "func(T, T) T { return 1 }", 0, "operation/affine", "affine"},
	{"the last piece of large results is not computed", kernelFiles + "env.go", "e.Pool.Run((n+grain-1)/grain,", "e.Pool.Run(max(1, n/grain),", 0, "operation/abs2", "abs2"},
	{"the gradient to a phase has a wrong sign", kernelFiles + "complex.go", "d[i] = g[2*i+1]*out[2*i] - g[2*i]*out[2*i+1]", "d[i] = g[2*i+1]*out[2*i] + g[2*i]*out[2*i+1]", 0, "operation/polar", "polar"},
	{"the gradient of a real part leaves the imaginary part", kernelFiles + "complex.go", "d[2*i+k], d[2*i+1-k] = v, 0", "d[2*i+k] = v", 0, "operation/real", "real"},
	{"the gradient outside the slice is not cleared", kernelFiles + "structure.go", "clear(d)\n\t\t\t\te.Pool.Run(c.Out.Shape[0]", "e.Pool.Run(c.Out.Shape[0]", 0, "operation/slice_channels", "slice_channels"},
	{"the masked rows of odd images are one too many", kernelFiles + "structure.go", "y < h/4+h/2", "y < (3*h+3)/4", 0, "operation/mask_center", "mask_center"},
	{"the last row that refers to a table's row wins", kernelFiles + "structure.go", "dst[j] += v", "dst[j] = v", 0, "operation/real", "gather"},
	{"borders of complex images are half as wide", kernelFiles + "structure.go", "*row+amount*k)", "*row+amount)", 0, "operation/crop", "crop"},
	{"every operand of concat has the first one's gradient", kernelFiles + "structure.go", "g[n*total+starts[i]:]", "g[n*total:]", 0, "operation/concat", "concat"},
	{"a pattern without valid pixels is divided by 0", kernelFiles + "losses.go", "if total == 0 {\n\t\t\ttotal = 1", "if total == 0 {\n\t\t\ttotal = 0", 0, "operation/amplitude_loss", "amplitude_loss"},
	{"all patterns have the first one's mask", kernelFiles + "losses.go", "mask[p*area%len(mask):]", "mask[0:]", 0, "operation/amplitude_loss", "amplitude_loss"},
	{"λ equal to the counts has a gradient", kernelFiles + "losses.go", "case lambda < k:", "case lambda <= k:", 0, "operation/amplitude_mae", "amplitude_mae"},
	{"masked pixels keep an old gradient", kernelFiles + "losses.go", "d[from+i] = 0\n", "", 0, "operation/amplitude_loss", "amplitude_loss"},
	{"the factorial of counts is missing", kernelFiles + "losses.go", "lambda - k*math.Log(lambda) + factorial", "lambda - k*math.Log(lambda) + 0*factorial", 0, "operation/poisson_nll", "poisson_nll"},
	{"all members have the first one's weight", kernelFiles + "group.go", "w[member*q.area()%q.weights:]", "w[0:]", 0, "operation/assemble", "assemble"},
	{"a canvas has no floor", kernelFiles + "group.go", "return physics.CoverageFloor * top", "return 0 * physics.CoverageFloor * top", 0, "operation/assemble", "assemble"},
	{"patches of odd size are one pixel off", kernelFiles + "group.go", "corner := float64(height/2 - n/2)", "corner := float64((height - n) / 2)", 0, "operation/extract", "extract"},
	{"the gradient moves the wrong way", kernelFiles + "group.go", "move(d, g, in[0], -sign)", "move(d, g, in[0], sign)", 0, "operation/translate", "translate"},
	{"the gradient of merging moves the wrong way", kernelFiles + "group.go", "sample(dst, q.patch(shares, i), dy, dx)", "sample(dst, q.patch(shares, i), -dy, dx)", 0, "operation/merge_pairwise", "merge_pairwise"},
	{"the last number of a shifted row is missing", kernelFiles + "interpolate.go", "min(len(dst), len(src)-shift)", "min(len(dst), len(src)-shift-1)", 0, "operation/assemble", "assemble"},
	{"uncovered pixels are divided by 0", kernelFiles + "interpolate.go", "if d > floor {", "if d >= floor {", 0, "operation/merge_pairwise", "merge_pairwise"},
	{"probes by pattern share a gradient", kernelFiles + "farfield.go", "accumulate(d[pm*size%len(d):]", "accumulate(d[pm%modes*size:]", 0, "operation/illuminate", "illuminate"},
	{"only the first mode has a weight", kernelFiles + "farfield.go", "for i := 0; i < each; i += 2 {", "for i := 0; i < 2*area; i += 2 {", 0, "operation/merge_weight", "merge_weight"},
	{"the probe of the first batch is used for all", kernelFiles + "farfield.go", "if !same(seen, in[1]) {", "if seen == nil {", 0, "again/dataset", "second dataset"},
	{"the first mode of a pattern is taken from another", kernelFiles + "farfield.go", "complex(float64(probe[2*(p*modes*area+i)]), float64(probe[2*(p*modes*area+i)+1]))", "complex(float64(probe[2*(p*area+i)]), float64(probe[2*(p*area+i)+1]))", 0, "operation/back_project", "back_project"},
	{"the gradient of an inverse transform is forward", kernelFiles + "farfield.go", "run(d, g, !inverse)", "run(d, g, true)", 0, "operation/fft2", "fft2"},
	{"only the first maximum of a tie has a gradient", kernelFiles + "network.go", "if x[2*i+1] == m {", "if x[2*i+1] == m && x[2*i] != m {", 0, "operation/maxpool2", "maxpool2"},
	{"the gradient of a mean has a wrong divisor", kernelFiles + "network.go", "v /= T(area)", "v /= T(area + 1)", 0, "operation/global_mean", "global_mean"},
	{"a dense layer has no bias", kernelFiles + "network.go", "sum := float64(in[2][i%o])", "sum := 0 * float64(in[2][i%o])", 0, "operation/dense", "dense"},
	{"the gradient of a plane's factor lacks a pixel", kernelFiles + "network.go", "for j := i * area; j < (i+1)*area; j++ {", "for j := i*area + 1; j < (i+1)*area; j++ {", 0, "operation/scale_planes", "scale_planes"},
	{"a fused ReLU lets the bias's gradient through", kernelFiles + "conv_gradweight.go", "if m[i] > 0 {", "if m[i] >= 0 {", 0, "operation/conv2d", "conv2d"},
	{"the tail of a sum over pixels is missing", kernelFiles + "conv_gradweight.go", "n := (min(piece, f.span-p) + 15) / 16", "n := min(piece, f.span-p) / 16", 0, "operation/conv2d", "conv2d"},
	{"the tail of a masked row is not masked", kernelFiles + "conv_layout.go", "if !(mask[done+i] > 0) {", "if !(mask[done+i] >= 0) {", 0, "operation/conv2d", "conv2d"},
}

var sessionMutants = []Mutant{
	{"SetState keeps the step count", engine + "state.go", "s.state, s.steps = fresh, st.Step", "s.state = fresh", 0, "state/round-trip", "step"},
	{"SetState keeps the old first moment", engine + "state.go", "fresh := map[backend.Slot]map[string]*vector[T]{}\n", "fresh := map[backend.Slot]map[string]*vector[T]{}\n\tif m := s.state[backend.Moment1]; m != nil {\n\t\tfresh[backend.Moment1] = m\n\t}\n", 0, "state/replaced", "m of"},
	{"SetState loses the momentum", engine + "state.go", "for slot, arrays := range st.Slots {\n", "for slot, arrays := range st.Slots {\n\t\tif slot == backend.Velocity {\n\t\t\tcontinue\n\t\t}\n", 0, "state/every-slot", "momentum"},
	{"a rejected state is half set", engine + "state.go", "if err := st.Check(s.program); err != nil {\n", "s.steps = st.Step\n\tif err := st.Check(s.program); err != nil {\n", 0, "refuses/state", "step"},
	{"the first of several micro-batches is lost", engine + "host.go", "copy(q.grads[j], g)", "clear(q.grads[j])", 0, "train/accumulate", "gradient's norm"},
	{"parameter groups have the default rate", engine + "train.go", "st.Rate(q.Group)", `st.Rate(q.Group[:0])`, 0, "train/rates-by-group", "rates-by-group"},
	{"the moving average begins at 0", engine + "train.go", "!started {", "!started && s.steps < 0 {", 0, "train/ema", "ema of"},
	{"only the last micro-batch is counted", engine + "train.go", "r.Patterns += len(b.Rows)", "r.Patterns = len(b.Rows)", 0, "train/accumulate", "patterns"},
	{"the step count is counted, not taken from the step", engine + "train.go", "s.steps = st.Number", "s.steps++", 0, "state/replaced", "step"},
	{"the moving average stays in the weights after evaluating", engine + "predict.go", "err = errors.Join(err, s.engine.exchange(weights, averages))", "err = errors.Join(err, s.engine.exchange(weights[:0], averages[:0]))", 0, "evaluate/ema", "moving average"},
	{"Evaluate ignores the moving average", engine + "predict.go", "if !use {", "if !use || s.steps > 0 {", 0, "evaluate/ema", "moving average"},
	{"missing weights of patterns are those of the batch before", engine + "machine.go", "m.weights[i] = 1\n\t\tif b.Weights != nil {", "if b.Weights == nil && m.weights[i] == 0 {\n\t\t\tm.weights[i] = 1\n\t\t}\n\t\tif b.Weights != nil {", 0, "train/ledger/weights", "gradient's norm"},
	{"a graph is reused for other losses", engine + "machine.go", "r.Groups, r.Values, r.Losses, r.Params)", "r.Groups, r.Values, len(r.Losses) > 0, r.Params)", 0, "again/losses", "losses"},
	{"Gradient ignores the names of parameters", engine + "inspect.go", "params, norm, err := b.Gradients(s.program, params)", "params, norm, err := b.Gradients(s.program, nil)", 0, "gradient/named", "names"},
	{"padding is added to the sums", feeding + "loss.go", "if w != 0 {\n\t\t\t\tsum.Sum", "if w >= 0 {\n\t\t\t\tsum.Sum", 0, "evaluate/scalars", "weight 0"},
	{"the count of a sum is the number of patterns", feeding + "loss.go", "sum.Count += w", "sum.Count++", 0, "inputs/sums", "count"},
	{"the index of a table is ignored", feeding + "gather.go", "r = arr.index[r]", "_ = arr.index[r]", 0, "inputs/values", "indexed table: the input"},
	{"gaps between the rows of a file are ignored", feeding + "layout.go", "if l.shape[i] > 1 && l.strides[i] != want {", "if l.shape[i] > 1 && l.strides[i] < min(0, want) {", 0, "files/layout", "gaps"},
	{"an input for all batches cannot be replaced", feeding + "prefetch.go", "return extra || !f.whole(name)", "return extra && !f.whole(name) || !f.whole(name)", 0, "again/extra", "sum of"},
	{"Stop is remembered until the next call", feeding + "session.go", "s.stop.Store(false)\n\tset, err := s.bound(id)", "set, err := s.bound(id)", 0, "stop/evaluate", "[Ss]top"},
	{"a file that is too short is accepted by a byte", feeding + "layout.go", "high+int64(f.DType.Size()) > int64(len(m.mem))", "high+int64(f.DType.Size()) > int64(len(m.mem))+1", 0, "files/refused", "one byte short"},
	{"a second dataset replaces the first", feeding + "session.go", "if set, ok := s.open[id]; ok {", "if set, ok := s.open[backend.DatasetID(fmt.Sprintf(\"dataset-%d\", s.count))]; ok {", 0, "refuses/dataset", "never bound"},
	{"the index of a program's table is not checked", engine + "machine.go", "if err := backend.CheckIndex(s.program, name, rows); err != nil {", "if err := backend.CheckIndex(s.program, name, rows); err != nil && len(rows) < 0 {", 0, "refuses/missing-input", "index beyond"},
}

// equivalent has the reasons why mutants change nothing that the contract forbids.
var equivalent = map[string]string{
	"core/physics/group.go: Assemble: `CoverageFloor*largest(weights[j])` becomes `CoverageFloor / largest(weights[j])`":                                                       "only core/reference calls it, the backend has a kernel",
	"core/physics/shift.go: taps: `(1 - ay) * ax` becomes `(1 - ay) / ax`":                                                                                                     "only core/reference calls it, the backend has a kernel",
	"plugins/gorgonia/backend/executor.go: newExecutor: `err != nil` becomes `err == nil` in `if err != nil {`":                                                                "only tests call it",
	"plugins/gorgonia/backend/lower.go: input: `dt = tensor.Float32` becomes `_ = tensor.Float32`":                                                                             "the type of a node is not read, only its shape",
	"plugins/gorgonia/backend/plan.go: newPlan: `!strings.HasPrefix(o.String(), \"+\") || len(st.in) != 2` becomes `!strings.HasPrefix(o.String(), \"+\") && len(st.in) != 2`": "a graph has no other operation of Gorgonia than sums of two",
	"plugins/gorgonia/backend/session.go: Close: `clear(s.machines)` becomes `{}` in `clear(s.machines)`":                                                                      "a closed session is freed with its graphs",
	"plugins/gorgonia/kernel/losses.go: Total: `1` becomes `2` in `sum += float64(in[values+1+l][0]) * float64(w) * float64(v[p…`":                                             "the cost itself is not computed, only its gradient",
	"sdk/feed/gather.go: a weight too few is read from memory":                                                                                                                 "core/backend refuses the batch before",
	"sdk/feed/prefetch.go: Feed: `o = o.complete()` becomes `_ = o.complete()`":                                                                                                "the options of a session are complete already",
	"sdk/feed/workers.go: release: `0` becomes `1` in `if len(r.buffers) == 0 {`":                                                                                              "a single buffer is allocated again instead of used again",
	"sdk/wire/dataset.go: dataset: `a.File == nil` becomes `a.File != nil`":                                                                                                    "only the host calls it",
	"sdk/wire/errors.go: fromStatus: `e.Kind = backend.Cancelled` becomes `_ = backend.Cancelled`":                                                                             "only the host calls it",
	"sdk/wire/server.go: Open: `!compiling` becomes `compiling`":                                                                                                               "events of Open arrive after it, which the contract allows",
	"core/physics/group.go: AssembleAdjoint: `CoverageFloor*largest(w)` becomes `CoverageFloor / largest(w)`":                                                                  "only core/reference calls it, the backend has a kernel",
	"core/physics/shift.go: Splat: `r+iy` becomes `r - iy` in `y, x := r+iy+q/2, c+ix+q%2`":                                                                                    "only core/reference calls it, the backend has a kernel",
	"plugins/gorgonia/backend/executor.go: sum: `1` becomes `2` in `o := out[i*grain : min((i+1)*grain, len(out))]`":                                                           "pieces overlap and compute the same sums twice",
	"plugins/gorgonia/backend/session.go: Close: `clear(s.machines)` becomes `{}`":                                                                                             "a closed session is freed with its graphs",
	"plugins/gorgonia/backend/train.go: update: `2` becomes `3` in `var state [2][]T // Adam has two moments`":                                                                 "the third slot is not used",
	"sdk/feed/prefetch.go: fixedInputs: `1` becomes `2` in `if fixed, err = f.set.Alloc(1, f.options.Precision, names...…`":                                                    "inputs for all batches have no axis of groups",
	"sdk/wire/arrays.go: Write: `chunkSize-len(c.part)` becomes `chunkSize + len(c.part)`":                                                                                     "each array is written at once, so that no part is kept",
	"sdk/wire/dataset.go: dataset: `g > 255` becomes `g >= 255`":                                                                                                               "a gathering of 255 is refused later, in the same way",
	"sdk/wire/errors.go: uncancelled: `e.Kind == backend.Cancelled && !c.ending.Load()` becomes `e.Kind == backend.Cancelled || !c.ending.Load()`":                             "only the host calls it",
	"sdk/wire/events.go: put: `e.wake()` becomes `{}` in `e.wake()`":                                                                                                           "the Gorgonia backend reports nothing after Open",
}
