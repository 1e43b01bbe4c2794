package conformance

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Cell is the distance between two backends in one quantity, as a relative L2 error of B against A.
type Cell struct {
	Quantity   string  `json:"quantity"`
	A          string  `json:"a"`
	B          string  `json:"b"`
	Difference float64 `json:"difference"`
	Limit      float64 `json:"limit"`
	Within     bool    `json:"within"`
}

// ParityReport is the matrix of distances.
type ParityReport struct {
	Backends []string `json:"backends"`
	DType    string   `json:"dtype"`
	Within   bool     `json:"within"` // all cells are
	Cells    []Cell   `json:"cells"`
}

// parityRows lists the quantities in the order of the report.
var parityRows = []struct {
	name     string
	quantity Quantity
}{
	{"patches", NetworkValue}, {"lambda", NetworkValue}, {"loss", LossValue}, {"gradients", FullGradient},
	{"weights after 1 step (sgd)", StepWeights}, {"weights after 5 steps (sgd)", RunWeights}, {"weights after 5 steps (adam)", AdaptiveWeights},
	{"image", NetworkValue},
}

// Parity gives the same trained model and the same batches to several backends and compares their results. The model is the
// default network at N = 64, trained for some steps on the first backend.
func Parity(ctx context.Context, targets []Target) (*ParityReport, error) {
	return parity(ctx, targets, arch.Config{N: 64, Gridsize: 2})
}

// QuickParity is Parity with the default network at N = 16, for devices that are slow.
func QuickParity(ctx context.Context, targets []Target) (*ParityReport, error) {
	return parity(ctx, targets, arch.Config{N: 16, Gridsize: 2})
}

// parity compares backends by a network.
func parity(ctx context.Context, targets []Target, network arch.Config) (*ParityReport, error) {
	if len(targets) < 2 {
		return nil, fmt.Errorf("conformance: parity needs two or more backends, got %d", len(targets))
	}
	p, err := arch.Build(network)
	if err != nil {
		return nil, err
	}
	w, err := newWork(p, 2, 17, 1)
	if err != nil {
		return nil, err
	}
	report := &ParityReport{DType: "float32", Within: true}
	if targets[0].DType != 0 {
		report.DType = targets[0].DType.String()
	}
	var trained *backend.State
	var all []map[string][]complex128
	for _, t := range targets {
		report.Backends = append(report.Backends, t.Name)
		measured, err := measure(ctx, t, w, &trained)
		if err != nil {
			return nil, fmt.Errorf("conformance: %s: %w", t.Name, err)
		}
		all = append(all, measured)
	}
	for i := range targets {
		for j := i + 1; j < len(targets); j++ {
			for _, row := range parityRows {
				c := Cell{Quantity: row.name, A: targets[i].Name, B: targets[j].Name, Limit: limit(row.quantity, targets[0].DType)}
				c.Difference = min(distance(all[j][row.name], all[i][row.name], 0), math.MaxFloat64)
				c.Within = c.Difference <= c.Limit
				report.Within = report.Within && c.Within
				report.Cells = append(report.Cells, c)
			}
		}
	}
	return report, nil
}

// measure collects the quantities of one backend. The first backend trains the model.
func measure(ctx context.Context, t Target, w *work, trained **backend.State) (map[string][]complex128, error) {
	b, stop, err := t.Start(ctx)
	if err != nil {
		return nil, err
	}
	defer stop() //nolint:errcheck // all results are already received
	s := &subject{ctx: ctx, backend: b, info: b.Info(), target: t}
	defer func() {
		for _, open := range s.sessions {
			_ = open.Close()
		}
	}()
	session, ref, err := s.open(w, 1)
	if err != nil {
		return nil, err
	}
	run := func(o backend.Optimiser, rate float64, steps int) error {
		return session.Step(ctx, plan(ref, o, rate, steps), collect[backend.StepResult](nil))
	}
	if *trained == nil {
		if err := run(adam, 1e-3, 4); err != nil {
			return nil, err
		}
		if *trained, err = weightsOf(ctx, session); err != nil {
			return nil, err
		}
	}
	if err := session.SetState(ctx, **trained); err != nil {
		return nil, err
	}
	out, err := inspected(ctx, session, ref)
	if err != nil {
		return nil, err
	}
	if out["image"], err = s.picture(session, ref, w); err != nil {
		return nil, err
	}
	for _, c := range trajectories {
		if err := session.SetState(ctx, **trained); err != nil {
			return nil, err
		}
		if err := run(c.rule, c.rate, c.steps); err != nil {
			return nil, err
		}
		st, err := session.State(ctx)
		if err != nil {
			return nil, err
		}
		if out[c.name], err = joined(st.Slots[backend.Weights]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// inspected returns the quantities of one batch at the weights of a session: patches, expected counts, loss, gradients.
func inspected(ctx context.Context, session backend.Session, ref backend.BatchRef) (map[string][]complex128, error) {
	look, err := inspector(session)
	if err != nil {
		return nil, err
	}
	out := map[string][]complex128{}
	values, err := look.Forward(ctx, ref, program.Patches, "lambda")
	if err != nil {
		return nil, err
	}
	for name, at := range map[string]string{"patches": program.Patches, "lambda": "lambda"} {
		if out[name], err = numbers(values[at]); err != nil {
			return nil, err
		}
	}
	loss, grads, err := look.Gradient(ctx, ref)
	if err != nil {
		return nil, err
	}
	out["loss"] = []complex128{complex(loss.Value, 0)}
	if out["gradients"], err = joined(grads); err != nil {
		return nil, err
	}
	return out, nil
}

// trajectories lists the step sequences after which weights are compared.
var trajectories = []struct {
	name  string
	rule  backend.Optimiser
	rate  float64
	steps int
}{{"weights after 1 step (sgd)", descent, 1e-4, 1}, {"weights after 5 steps (sgd)", descent, 1e-4, 5}, {"weights after 5 steps (adam)", adam, 1e-4, 5}}

// weightsOf returns the state of a session with only weights and constants, as before its first step.
func weightsOf(ctx context.Context, session backend.Session) (*backend.State, error) {
	st, err := session.State(ctx)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(st.Slots, func(slot backend.Slot, _ map[string]tensor.Tensor) bool {
		return slot != backend.Weights && slot != backend.Buffers
	})
	st.Step = 0
	return &st, nil
}

// picture stitches the patches of the batch as infer does, at positions chosen by the suite.
func (s *subject) picture(session backend.Session, ref backend.BatchRef, w *work) ([]complex128, error) {
	n := w.program.N
	var rows, cols []float64
	for i := range ref.Batch.Rows {
		rows, cols = append(rows, 40+3.25*float64(i)), append(cols, 40+5.75*float64(i%3))
	}
	canvas, err := raster.NewStitcher(rows, cols, n, raster.StitchOptions{})
	if err != nil {
		return nil, err
	}
	next := 0
	err = session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: ref.Dataset, Batches: []backend.Batch{ref.Batch}}, func(r backend.Patches) error {
		all, err := numbers(r.Data)
		if err != nil {
			return err
		}
		patch := make([]complex64, n*n)
		for from := 0; from < len(all); from += len(patch) {
			for i := range patch {
				patch[i] = complex64(all[from+i])
			}
			if err := canvas.Add(patch, nil, rows[next], cols[next]); err != nil {
				return err
			}
			next++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	image, err := canvas.Finish()
	if err != nil {
		return nil, err
	}
	return image.Object.Data, nil
}

func numbers(t tensor.Tensor) ([]complex128, error) {
	v, err := reference.FromTensor(t)
	if err != nil {
		return nil, err
	}
	return complexes(v), nil
}

// joined concatenates all arrays in the order of their names.
func joined(m map[string]tensor.Tensor) ([]complex128, error) {
	var out []complex128
	for _, name := range slices.Sorted(maps.Keys(m)) {
		v, err := numbers(m[name])
		if err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	return out, nil
}
