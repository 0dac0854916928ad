package signin

import "context"

// FlowStep is what a pending sign-in wants, as the Outcome that led to it had it: for pages that are shown anew. ErrFlowGone when it
// wants nothing any more.
func (s *Signin) FlowStep(ctx context.Context, f *Flow) (*Step, error) {
	step, err := s.wanted(ctx, f.App, f.User, &f.state)
	if err != nil {
		return nil, err
	}
	if step == nil || step.Kind != f.Step {
		return nil, ErrFlowGone
	}
	step.Handle = f.Handle
	return step, nil
}
