package server

import (
	"context"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

// Garbage may be four times what is in use while that is little, which keeps the collector's share small; beyond, room for it grows
// slowly, so that a search index of some hundred megabytes does not cost a gigabyte.
const (
	mostGarbage  = 4         // times what is in use
	roomGarbage  = 160 << 20 // bytes, and
	shareGarbage = 4         // one byte for so many in use
)

// gcPercent is the collector's percentage for so many bytes in use.
func gcPercent(live uint64) int {
	live = max(live, 1<<20)
	return int(min(mostGarbage*live, roomGarbage+live/shareGarbage) * 100 / live)
}

// keepMemory fits the collector to what is in use until ctx ends.
func keepMemory(ctx context.Context) {
	sample := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last := 0; ; {
		if runtimemetrics.Read(sample); sample[0].Value.Kind() == runtimemetrics.KindUint64 {
			if percent := gcPercent(sample[0].Value.Uint64()); percent != last {
				debug.SetGCPercent(percent)
				last = percent
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
