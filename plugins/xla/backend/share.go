package backend

import (
	"context"

	"github.com/gomlx/compute/shapes"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// A batch that several devices share is cut into shards. The shards depend on the batch only, not on the number of devices. The
// devices compute the shards in rounds: in each round every device computes one shard with the same compiled function. The
// gradients of the shards are added in the order of the shards, in a function of their own, and another function updates the
// weights. XLA rounds a function's numbers depending on its shapes and on how its operations are fused, so any number of
// devices, including one, has the same bits.
//
// All shards have the same number of groups. What a batch does not fill is filled with copies of its first group with weight
// zero. A copy never adds a value that is not finite, and the results of patterns with weight zero are dropped. No operation
// of a program combines groups, so a part of a batch can be computed separately. The extent that grows with the batch is
// always the first axis of a value.

// maxShards is the largest number of shards of a batch, and of devices: the number of GPUs in most large machines. More shards
// would make each of them smaller, and small shards use a device badly.
const maxShards = 8

// cut is how a batch is computed.
type cut struct {
	groups int // of a shard
	shards int
	rounds int // in which the devices compute all shards
}

// cut returns how a batch of a number of groups is computed.
func (s *session) cut(groups int) cut {
	if !s.shards {
		return cut{groups, 1, 1}
	}
	up := func(a, b int) int { return (a + b - 1) / b }
	size := up(groups, maxShards)
	shards := up(groups, size)
	return cut{size, shards, up(shards, s.client.Devices())}
}

// gradients is a request for the gradients of a batch.
type gradients struct {
	batch  backend.Batch
	inputs map[string]tensor.Tensor
	losses map[string]float64 // weights of the losses
	norm   float64            // divides the cost
	params []string
	add    bool // add the gradients to those of earlier micro-batches
}

// gradients returns the scalars and the gradients of a batch. into holds the gradients of earlier micro-batches, which are
// donated; gradients adds what it loads.
func (s *session) gradients(ctx context.Context, g gradients, into buffers) (buffers, error) {
	c := s.cut(s.groups(g.batch))
	f, err := s.gradientFunction(c.groups, feed.Active(g.losses), g.params, g.add && !s.shards)
	if err != nil {
		return nil, err
	}
	if err := s.load(g.batch, g.inputs, into); err != nil {
		return nil, err
	}
	if err := s.loadWeights(g.batch, g.losses, g.norm, into); err != nil {
		return nil, err
	}
	results, err := s.call(ctx, f, c.rounds, into, false)
	if err != nil || !s.shards {
		return results, err
	}
	defer func() { release(results) }()
	if f, err = s.sumFunction(c.shards, c.rounds, g.params, g.add); err != nil {
		return nil, err
	}
	n, parts := s.client.Devices(), buffers{}
	for _, name := range g.params {
		a := engine.Array{Part: gradientPart, Name: name}
		parts[a] = into[a]
		for r := range c.rounds {
			parts[shardGradient(r, name)] = results[a][r*n:][:n]
		}
	}
	sums, err := s.call(ctx, f, 1, parts, false)
	if err != nil {
		return nil, err
	}
	sums[scalarValues] = results[scalarValues]
	delete(results, scalarValues)
	return sums, nil
}

// sharded reports whether each shard has a part of a value, for its own groups.
func (s *session) sharded(name string) bool {
	shape := s.types[name].Shape
	return len(shape) > 0 && shape[0] < 0
}

// loadInput copies an input of the program to the devices: its part to each device, or the whole input if it is not per group.
func (s *session) loadInput(name string, t tensor.Tensor, groups int) (engine.Buffer, error) {
	whole := s.stored(name, groups)
	if !s.sharded(name) {
		return s.upload(t, whole)
	}
	c, group := s.cut(groups), s.stored(name, 1).Size()
	return s.transfer(t, whole, func(flat any) (engine.Buffer, error) {
		return s.client.Split(flat, s.stored(name, c.groups), group, c.rounds)
	})
}

// loadPatternWeights copies the weight of each pattern to the device that computes the pattern. Filling has weight zero.
func (s *session) loadPatternWeights(b backend.Batch, into buffers) (err error) {
	each := make([]float64, len(b.Rows))
	for i := range each {
		each[i] = 1
		if b.Weights != nil {
			each[i] = float64(b.Weights[i])
		}
	}
	c, whole := s.cut(s.groups(b)), shapes.Make(s.dtype, len(each))
	part := shapes.Make(s.dtype, c.groups*s.program.Group)
	into[patternWeights], err = s.transfer(tensor.Must(each, len(each)), whole, func(flat any) (engine.Buffer, error) {
		return s.client.Split(flat, part, 0, c.rounds)
	})
	return err
}

// patternScalars copies the scalars of a batch to the host: for each scalar of the program the values of all patterns.
func patternScalars[T float32 | float64](s *session, b engine.Buffer, patterns int) ([][]T, error) {
	c, k := s.cut(patterns/s.program.Group), len(s.program.Scalars)
	part := c.groups * s.program.Group
	all := make([]T, c.shards*k*part) // [shards, scalars, patterns of each]
	if err := s.client.Join(b, all, k*part); err != nil {
		return nil, err
	}
	rows := make([][]T, k)
	for i := range rows {
		for at := i * part; at < len(all); at += k * part {
			rows[i] = append(rows[i], all[at:at+part]...)
		}
		rows[i] = rows[i][:patterns]
	}
	return rows, nil
}
