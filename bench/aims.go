package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// printAims says of each aim of the project whether this run has met it.
func printAims(out io.Writer, reports []*report, hashes float64) {
	if len(reports) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\naim\tengine\tusers\tmeasured\tmet")
	small := map[string]*report{}
	for _, r := range reports {
		if r == nil {
			continue
		}
		if r.users <= 1000 {
			small[r.engine] = r
		}
		a := aims{w, r}
		if r.permissions != nil {
			r.permissions.aims(a)
		}
		if r.rows == nil {
			continue
		}
		a.rows(hashes)
		a.signIn()
		if r.users >= 1_000_000 {
			a.million(small[r.engine])
		}
		a.server()
	}
	w.Flush()
}

type aims struct {
	w io.Writer
	r *report
}

func (a aims) line(aim, measured string, met bool) {
	word := "no"
	if met {
		word = "yes"
	}
	fmt.Fprintf(a.w, "%s\t%s\t%d\t%s\t%s\n", aim, a.r.engine, a.r.users, measured, word)
}

// atMost is an aim that a time of a row stays under.
func (a aims) atMost(name string, callers int, which string, of func(result) time.Duration, most time.Duration) {
	if m, ok := a.r.rows[name][callers]; ok {
		a.line(fmt.Sprintf("%s: %s under %s, callers: %d", name, which, most, callers), short(of(m)), m.rate > 0 && of(m) < most)
	}
}

func p50(m result) time.Duration { return m.p50 }
func p95(m result) time.Duration { return m.p95 }
func cpu(m result) time.Duration { return m.cpu }

func (a aims) rows(hashes float64) {
	r := a.r
	if m, ok := r.rows[rowGet][saturating]; ok {
		ratio := m.rate / r.hello[saturating]
		a.line(fmt.Sprintf("%s: 0.4 of hello-world at least, callers: %d", rowGet, saturating), fmt.Sprintf("%.2f", ratio), ratio >= 0.4)
	}
	a.atMost(rowGet, saturating, "processor time", cpu, 120*time.Microsecond)
	if m, ok := r.rows[rowCreate][saturating]; ok && r.engine == "SQLite" {
		a.line(fmt.Sprintf("%s: 4,500 durable a second at least, callers: %d", rowCreate, saturating), fmt.Sprintf("%.0f/s", m.rate), m.rate >= 4500)
	}
	if m, ok := r.rows[rowPassword][saturating]; ok {
		a.line(fmt.Sprintf("%s: within 15 %% of bare hashes, callers: %d", rowPassword, saturating),
			fmt.Sprintf("%.0f/s of %.0f/s (%+.0f %%)", m.rate, hashes, 100*(m.rate/hashes-1)), m.rate >= 0.85*hashes)
	}
	for _, o := range r.overload {
		a.line(fmt.Sprintf("%s: rate at %d callers at most 10 %% under that at %d", o.name, saturating*o.factor, saturating),
			fmt.Sprintf("%+.0f %%", 100*o.change()), o.change() >= -0.1)
	}
}

// million are the aims of a pool of a million users; small is the report of a thousand, nil without one.
func (a aims) million(small *report) {
	for _, name := range []string{rowList, rowListFar} {
		a.atMost(name, 1, "p50", p50, 500*time.Microsecond)
		m, ok := a.r.rows[name][1]
		if !ok || small == nil {
			continue
		}
		before := small.rows[rowList][1]
		ratio := float64(m.p50) / float64(before.p50)
		a.line(name+": p50 at most 1.3 times that of page 1 of 1,000 users, callers: 1", fmt.Sprintf("%.2f", ratio), before.p50 > 0 && ratio <= 1.3)
	}
	a.atMost(rowRare, 1, "p50", p50, 2*time.Millisecond)
	a.atMost(rowCommon, 1, "p50", p50, 15*time.Millisecond)
	a.atMost(rowOrdinary, 1, "p95", p95, 20*time.Millisecond)
	a.atMost(rowCommon, 1, "p95", p95, 100*time.Millisecond)
}

func (a aims) server() {
	for _, s := range []struct{ users, most int64 }{{1000, 40}, {100_000, 200}, {1_000_000, 500}} {
		if a.r.users == s.users {
			a.line(fmt.Sprintf("idle memory under %d MB", s.most), fmt.Sprintf("%d MB, %d MB once searched", a.r.idle>>20, a.r.indexed>>20),
				max(a.r.idle, a.r.indexed)>>20 < s.most)
		}
	}
	if a.r.users >= 1_000_000 {
		a.line("start-up under 100ms", short(a.r.startUp), a.r.startUp < 100*time.Millisecond)
	}
}
