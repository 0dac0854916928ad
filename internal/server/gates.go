package server

import (
	"cmp"
	"runtime"
	"time"

	"github.com/guildhall-id/guildhall/internal/gate"
	"github.com/guildhall-id/guildhall/internal/op"
)

// perProcessor is how many calls of a class run at once for each processor. With waitingForEach it bounds each queue to what is
// done in some tenths of a second: refusing sooner would cost more than answering. Writes are more than lists because the engine
// commits what waits as one group, and because those that make a password hash wait for it inside.
var perProcessor = [...]int{op.Point: 64, op.List: 8, op.Write: 32}

// waitingForEach is how many calls may wait for each that runs.
const waitingForEach = 16

// gateSize is the size of a class's gate; running is the setting, 0 derives it from the number of processors.
func gateSize(class op.Class, running int, queueTime time.Duration) gate.Size {
	running = cmp.Or(running, perProcessor[class]*runtime.GOMAXPROCS(0))
	return gate.Size{Running: running, Waiting: waitingForEach * running, Patience: queueTime}
}

// newGates makes the gates that all routes of a server share.
func newGates(c *Config) op.Gates {
	var g op.Gates
	for _, class := range op.Classes() {
		g[class] = gate.New(gateSize(class, c.Parallel[class], c.QueueTime), op.ErrBusy)
	}
	return g
}
