// Package config resolves the settings of a run. Use NewTraining or NewInference to build a configuration. Both take
// sources (values from the data, presets, files, the environment, flags), order them by precedence over the built-in
// defaults, check everything at once and return an immutable result in which every value knows its origin and what it
// overrode. One table (Settings) drives flags, environment, files, checks and documentation. A new setting is one row
// of that table and one field of a section, next to each other in the section's file.
package config

// sections holds the fields that rows of the table point to.
type sections struct {
	model     Model
	training  TrainingSettings
	inference InferenceSettings
	scan      ScanSettings
	execution Execution
}

// Training is the resolved, immutable configuration of a training run. Its data has been described and every rule
// holds. Only NewTraining creates one.
type Training struct{ resolution }

// NewTraining resolves the configuration of a training run. One of the sources must be Data with the scan's model.n:
// nothing can be built or loaded before the data has been described. Its error is an *Error that lists every violation.
func NewTraining(sources ...Source) (*Training, error) {
	r, err := resolve(Train, sources, true)
	if err != nil {
		return nil, err
	}
	return &Training{*r}, nil
}

// Model returns a copy of the section "model".
func (t *Training) Model() Model { return t.sections.model }

// Settings returns a copy of the section "training".
func (t *Training) Settings() TrainingSettings { return t.sections.training }

// Execution returns a copy of the section "execution".
func (t *Training) Execution() Execution { return t.sections.execution }

// Inference is the resolved, immutable configuration of a reconstruction. Its model has been described. Only
// NewInference creates one.
type Inference struct{ resolution }

// NewInference resolves the configuration of a reconstruction. One of the sources must be Data with the section model
// of the trained model. Its error is an *Error that lists every violation.
func NewInference(sources ...Source) (*Inference, error) {
	r, err := resolve(Infer, sources, true)
	if err != nil {
		return nil, err
	}
	return &Inference{*r}, nil
}

// Model returns a copy of the section "model" of the trained model.
func (i *Inference) Model() Model { return i.sections.model }

// Settings returns a copy of the section "inference".
func (i *Inference) Settings() InferenceSettings { return i.sections.inference }

// Execution returns a copy of the section "execution".
func (i *Inference) Execution() Execution { return i.sections.execution }
