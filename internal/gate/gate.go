// Package gate bounds how much of one kind of work is done at once and how much may wait for it. It is a leaf.
package gate

import (
	"context"
	"sync/atomic"
	"time"
)

// Size bounds the work at a Gate.
type Size struct {
	Running  int           // most at once; at least 1
	Waiting  int           // most that wait; 0 means that nobody may
	Patience time.Duration // longest wait; 0 means as long as the context lets
}

// Gate lets in as many as its Size says, the others wait in the order of their arrival, and beyond that are refused at once. It is
// safe for concurrent use. A nil Gate lets everybody in.
type Gate struct {
	size    Size
	refusal error
	slots   chan struct{} // who is blocked on sending is served in order, and goes before newcomers
	waiting atomic.Int64
	refused atomic.Uint64
}

// New makes a gate that refuses with refusal. It panics when size.Running is below 1: nobody would ever pass.
func New(size Size, refusal error) *Gate {
	if size.Running < 1 {
		panic("gate: Running must be at least 1")
	}
	return &Gate{size: size, refusal: refusal, slots: make(chan struct{}, size.Running)}
}

// Enter takes a slot and returns nil; Leave must follow, on every path. It returns the gate's refusal at once when too many wait
// already and after Patience when no slot has come free, and ctx's error when ctx has ended: who is not there any more takes no slot.
func (g *Gate) Enter(ctx context.Context) error {
	if g == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
		return g.wait(ctx)
	}
}

func (g *Gate) wait(ctx context.Context) error {
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > int64(g.size.Waiting) {
		g.refused.Add(1)
		return g.refusal
	}
	var late <-chan time.Time
	if g.size.Patience > 0 {
		t := time.NewTimer(g.size.Patience)
		defer t.Stop()
		late = t.C
	}
	select {
	case g.slots <- struct{}{}:
		if err := ctx.Err(); err != nil { // both were ready
			<-g.slots
			return err
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-late:
		g.refused.Add(1)
		return g.refusal
	}
}

// Full returns the gate's refusal, and counts it, when Enter would refuse at once: for who would do dear work before it comes to the
// gate. What it lets pass may still be refused there.
func (g *Gate) Full() error {
	if g == nil || len(g.slots) < cap(g.slots) || g.waiting.Load() < int64(g.size.Waiting) {
		return nil
	}
	g.refused.Add(1)
	return g.refusal
}

// Leave gives the slot of one Enter back.
func (g *Gate) Leave() {
	if g != nil {
		<-g.slots
	}
}

// Load is what goes on at a gate. Numbers read while it works are near the truth, not exact together.
type Load struct {
	Running int
	Waiting int
	Refused uint64 // since the gate was made
}

// Load tells what goes on. A nil Gate has nothing to tell.
func (g *Gate) Load() Load {
	if g == nil {
		return Load{}
	}
	return Load{len(g.slots), min(int(g.waiting.Load()), g.size.Waiting), g.refused.Load()}
}

// Size is what the gate was made with.
func (g *Gate) Size() Size {
	if g == nil {
		return Size{}
	}
	return g.size
}
