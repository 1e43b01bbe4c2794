package conformance_test

const (
	optimiser = "core/optim/"
	messages  = "sdk/wire/"
)

// sharedMutants are mistakes in packages that the oracle uses too: only the mutant's process has them. Those without a case have not been
// run yet.
var sharedMutants = []Mutant{
	{"AdamW's decay is not scaled by the rate", optimiser + "coefficients.go", "0, r.rate*r.o.WeightDecay", "0, r.o.WeightDecay", 0, "train/adamw/decay", "train/"},
	{"Adam decays as AdamW does", optimiser + "coefficients.go", "if r.o.Kind == backend.AdamW {", "if r.o.Kind != backend.SGD {", 0, "", "train/"},
	{"the second moment is corrected with the first one's rate", optimiser + "coefficients.go", "1-math.Pow(r.o.Beta2, float64(r.t))", "1-math.Pow(r.o.Beta1, float64(r.t))", 0, "", "train/|state/"},
	{"ε is inside the root", optimiser + "optim.go", "T(math.Sqrt(float64(v[i])))*root+eps", "T(math.Sqrt(float64(v[i]+eps*eps)))*root", 0, "", "train/|state/"},
	{"Nesterov's step has only the look-ahead", optimiser + "optim.go", "d += momentum * u", "d = momentum * u", 0, "", "train/|state/"},
	{"the momentum is dampened", optimiser + "optim.go", "u := momentum*state[0][i] + d", "u := momentum*state[0][i] + (1-momentum)*d", 0, "", "train/|state/"},
	{"gradients below the limit are scaled up to it", optimiser + "optim.go", "if norm <= c.Limit {", "if norm <= 0*c.Limit {", 0, "", "train/"},
	{"only positive elements are clipped", optimiser + "optim.go", "if v > limit || v < -limit {", "if v > limit {", 0, "", "train/"},
	{"adaptive clipping has no floor for the weights", optimiser + "optim.go", "max(Norm(weights[i]), AdaptiveFloor)", "Norm(weights[i])", 0, "", "train/"},
	{"the decay of the moving average is that of the weights", optimiser + "optim.go", "ema[i] = T(decay)*ema[i] + T(1-decay)*v", "ema[i] = T(1-decay)*ema[i] + T(decay)*v", 0, "", "ema|moving average"},
	{"the plugin takes β1 as the momentum", messages + "plans.go", "Momentum:    o.GetMomentum(),", "Momentum:    o.GetBeta1(),", 0, "refuses/plan", "momentum"},
	{"the plugin does not read that Nesterov is asked for", messages + "plans.go", "Nesterov:    o.GetNesterov(),", "", 0, "", "train/|state/"},
	{"the plugin does not read the decay of the moving average", messages + "plans.go", "EMADecay:    m.GetEmaDecay(),", "", 0, "", "ema|moving average"},
	{"the plugin clips to 1", messages + "plans.go", "Limit: m.GetClipLimit()}", "Limit: 1}", 0, "", "clip|plan"},
	{"the plugin sends the sum as the count", messages + "plans.go", "&pb.Sum{Sum: v.Sum, Count: v.Count}", "&pb.Sum{Sum: v.Sum, Count: v.Sum}", 0, "", "sum|scalar|weight"},
	{"the plugin does not send that a gradient was clipped", messages + "plans.go", "Clipped:  r.Clipped,", "", 0, "", "clip"},
	{"the plugin evaluates without the moving average", messages + "server_session.go", "p := backend.EvalPlan{Dataset: backend.DatasetID(head.GetDataset()), EMA: head.GetEma()}", "p := backend.EvalPlan{Dataset: backend.DatasetID(head.GetDataset())}", 0, "", "ema|moving average"},
	{"the plugin predicts without the moving average", messages + "server_session.go", "p := backend.ReconPlan{Dataset: backend.DatasetID(head.GetDataset()), EMA: head.GetEma()}", "p := backend.ReconPlan{Dataset: backend.DatasetID(head.GetDataset())}", 0, "", "ema|moving average"},
	{"the plugin ignores the offset of an array in a file", messages + "dataset.go", "Offset:  m.GetOffset(),", "", 0, "", "files/"},
	{"the plugin ignores the strides of an array in a file", messages + "dataset.go", "Strides: m.GetStrides(),", "", 0, "", "files/"},
	{"the plugin ignores the names of parameters", messages + "server_session.go", "return i.Gradient(ctx, b, names...)", "return i.Gradient(ctx, b)", 0, "", "gradient"},
	{"the plugin ignores the weights of losses for gradients", messages + "server_session.go", "LossWeights: head.GetLossWeights(),", "", 0, "", "gradient|loss"},
	{"every error of the plugin is internal", messages + "errors.go", "kind := backend.KindOf(err)\n\tvar known", "kind := backend.Internal\n\tvar known", 0, "", "kind"},
	{"a call of the plugin does not end with its context", messages + "server_session.go", "ctx, s.cancel = context.WithCancel(ctx)", "ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))", 0, "", "cancel"},
	{"the plugin takes a chunk that is a byte short for the whole array", messages + "arrays.go", "if len(raw) == 0 && len(chunk) == size {", "if len(raw) == 0 && len(chunk) >= size-1 {", 0, "chunks", "chunk"},
	{"the plugin adds the chunks of two arrays", messages + "arrays.go", "for _, p := range o.queue {\n\t\tc := &chunker{send: send}\n\t\tif err := p(c); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tif err := c.rest(); err != nil {", "c := &chunker{send: send}\n\tfor i, p := range o.queue {\n\t\tif err := p(c); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tif i < len(o.queue)-1 {\n\t\t\tcontinue\n\t\t}\n\t\tif err := c.rest(); err != nil {", 0, "", "chunk"},
	{"the plugin takes the first chunk for the whole array", messages + "arrays.go", "if len(raw) == 0 && len(chunk) == size {", "if len(raw) == 0 {", 0, "", "large/|state"},
	{"a ReLU is fused although its convolution has another reader", engine + "lower.go", "readers[o.In[0]] == 1 {", "readers[o.In[0]] >= 1 {", 0, "", "composed/|random/|network/|operation/"},
	{"a result is overwritten before its last reader", engine + "plan.go", "in.last = len(m.steps)\n", "", 0, "", "operation/|network/|composed/"},
	{"a value that was asked for shares its memory", engine + "plan.go", "m.slots[k].kept = true", "m.slots[k].kept = m.slots[k].isInput()", 0, "", "operation/|network/|composed/"},
	{"a sum of two gradients adds one of them twice", engine + "executor.go", "o[j] = a[j] + b[j]", "o[j] = a[j] + a[j] + 0*b[j]", 0, "", "gradient"},
}
