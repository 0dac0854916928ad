package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// permissions is what was measured of who may what on one database.
type permissions struct {
	users, departments, roles int
	stages                    [2]stage
	rows                      map[string]result // over HTTP, with the grants of the last stage
	idle, loaded              int64             // bytes of the server's memory: before the calls, after them
}

// stage is what was measured in process with the grants of one stage of the world.
type stage struct {
	grants                                     int
	check, cold, many, list, whoCan, afterThat timing
	explain, explainNothing                    timing // of what a rule decides, and of what none does
	casbin                                     timing
	resources                                  int64 // that list answered with
	allowed, questions                         int
	changes, unseen                            int   // changes made, and those that the first check after them did not see
	memory                                     int64 // bytes of heap that all this has left
	casbinRules                                int
	casbinMemory                               int64
	compared, differing                        int // decisions made by casbin too, and those that it decided otherwise
}

// timing is how long an operation of one caller took.
type timing struct {
	n        int
	p50, p99 time.Duration
}

const (
	askedUsers  = 2000
	perUser     = 2 // questions
	atOnce      = 1000
	changesMade = 60
	mostTimed   = 1_000_000
)

// measurePermissions makes a world in a filled database, measures it in process while it has few grants and when it has all, and then
// over HTTP.
func measurePermissions(dir, engine, dsn string, postmaster int) (*permissions, error) {
	ctx := asSystem("")
	s, err := open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { s.Close() }()
	pool, err := s.Directory.DefaultPool(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(asSystem(pool.ID), 2*time.Hour) // also the deadline of each transaction
	defer cancel()
	w, err := openWorld(ctx, s, pool.ID)
	if err != nil {
		return nil, err
	}
	if err := w.furnish(ctx); err != nil {
		return nil, err
	}
	p := &permissions{users: len(w.users), departments: len(w.departments), roles: len(w.roles), rows: map[string]result{}}
	var asked []access.Question
	for i := range p.stages {
		if err := w.advance(ctx, i); err != nil {
			return nil, err
		}
		s.Close() // what the process remembers of the world goes with it
		if s, err = open(ctx, dsn); err != nil {
			return nil, err
		}
		w.s = s
		if asked, err = p.stages[i].measure(ctx, w, i); err != nil {
			return nil, err
		}
	}
	p.print(engine)
	s.Close()
	return p, p.overHTTP(dir, dsn, postmaster, w, asked)
}

// measure measures a stage, and returns what it has asked.
func (st *stage) measure(ctx context.Context, w *world, number int) ([]access.Question, error) {
	for j := range w.grants {
		if w.in(number, j) {
			st.grants++
		}
	}
	questions, err := w.ask(ctx, number)
	if err != nil {
		return nil, err
	}
	a, pool := w.s.Access, w.poolID
	before := heap()
	answers := make([]bool, len(questions))
	decide := func(i int) error {
		var err error
		answers[i], err = a.Decide(ctx, pool, questions[i])
		return err
	}
	if st.cold, err = timed(askedUsers, true, func(i int) error { return decide(i * perUser) }); err != nil {
		return nil, err
	}
	for i := range questions {
		if err := decide(i); err != nil {
			return nil, err
		}
	}
	if st.check, err = timed(len(questions), false, decide); err != nil {
		return nil, err
	}
	for _, yes := range answers {
		if st.questions++; yes {
			st.allowed++
		}
	}
	if st.many, err = timed(len(questions)/atOnce, false, func(i int) error {
		_, err := a.DecideAll(ctx, pool, questions[i*atOnce:(i+1)*atOnce])
		return err
	}); err != nil {
		return nil, err
	}
	st.many.p50, st.many.p99 = st.many.p50/atOnce, st.many.p99/atOnce // of one
	var decided, open []int                                           // questions that a rule decides, and the others
	for i := range questions {
		e, err := a.Explain(ctx, pool, questions[i])
		switch {
		case err != nil:
			return nil, err
		case e.Allowed != answers[i]:
			return nil, fmt.Errorf("%+v: explained otherwise than decided", questions[i])
		case e.DecidedBy != nil:
			decided = append(decided, i)
		default:
			open = append(open, i)
		}
	}
	explain := func(some []int) (timing, error) {
		return timed(len(some), false, func(i int) error {
			_, err := a.Explain(ctx, pool, questions[some[i]])
			return err
		})
	}
	if st.explain, err = explain(decided); err != nil {
		return nil, err
	}
	if st.explainNothing, err = explain(open); err != nil {
		return nil, err
	}
	if st.list, err = timed(1, false, func(int) error {
		_, n, err := a.AuthorizedResourcesOfUser(ctx, pool, w.users[0], access.ResourceFilter{}, directory.Page{})
		st.resources = n
		return err
	}); err != nil {
		return nil, err
	}
	if st.whoCan, err = timed(len(questions), true, func(i int) error {
		_, _, err := a.WhoCan(ctx, pool, questions[i], directory.Page{Page: 1, Limit: 10})
		return err
	}); err != nil {
		return nil, err
	}
	st.memory = heap() - before
	if err := st.change(ctx, w); err != nil {
		return nil, err
	}
	return questions, st.rival(ctx, w, number, questions, answers)
}

// change makes changes of several kinds, and asks after each whether it is seen.
func (st *stage) change(ctx context.Context, w *world) error {
	var took []time.Duration
	r := random(23, 0)
	for i := range changesMade {
		user := w.users[r.IntN(len(w.users))]
		of := access.Target{Type: directory.UserTarget, ID: user}
		q := access.Question{UserID: user, Resource: fmt.Sprintf("fresh-%d:%d", st.grants, i), Action: verbs[0]}
		group, role := fmt.Sprint("group-", r.IntN(groups)), access.RoleRef{Code: roleCode(r.IntN(len(w.roles)))}
		var before, do, undo func() error
		switch i % 3 {
		case 0:
			do = func() error {
				return w.s.Access.Grant(ctx, w.poolID, []access.NewGrant{{Target: of, Resource: q.Resource, Actions: verbs[:1]}})
			}
			undo = func() error {
				return w.s.Access.Revoke(ctx, w.poolID, []access.Revocation{{Target: of, Resource: q.Resource}})
			}
		case 1:
			role.Code = fmt.Sprintf("fresh-%d-%d", st.grants, i)
			before = func() error {
				made, err := w.s.Access.CreateRole(ctx, w.poolID, access.NewRole{Code: role.Code, Name: "Fresh"})
				if err != nil {
					return err
				}
				return w.s.Access.Grant(ctx, w.poolID, []access.NewGrant{{Target: access.Target{Type: directory.RoleTarget, ID: made.ID}, Resource: q.Resource, Actions: verbs[:1]}})
			}
			do = func() error {
				return w.s.Access.Assign(ctx, w.poolID, []access.RoleRef{role}, []access.Target{of})
			}
			undo = func() error {
				return w.s.Access.Unassign(ctx, w.poolID, []access.RoleRef{role}, []access.Target{of}, directory.MissingFails)
			}
		case 2:
			before = func() error {
				g, err := w.s.Directory.Group(ctx, w.poolID, group)
				if err != nil {
					return err
				}
				if err := w.s.Directory.RemoveMembers(ctx, w.poolID, group, []string{user}); err != nil {
					return err
				}
				return w.s.Access.Grant(ctx, w.poolID, []access.NewGrant{{Target: access.Target{Type: directory.GroupTarget, ID: g.ID}, Resource: q.Resource, Actions: verbs[:1]}})
			}
			do = func() error { return w.s.Directory.AddMembers(ctx, w.poolID, group, []string{user}) }
			undo = func() error { return w.s.Directory.RemoveMembers(ctx, w.poolID, group, []string{user}) }
		}
		if before != nil {
			if err := before(); err != nil {
				return err
			}
		}
		if _, err := w.s.Access.Decide(ctx, w.poolID, q); err != nil { // what is remembered now is wrong in a moment
			return err
		}
		for _, step := range []struct {
			change func() error
			want   bool
		}{{do, true}, {undo, false}} {
			if err := step.change(); err != nil {
				return err
			}
			began := time.Now()
			yes, err := w.s.Access.Decide(ctx, w.poolID, q)
			took = append(took, time.Since(began))
			if err != nil {
				return err
			}
			if st.changes++; yes != step.want {
				st.unseen++
			}
		}
	}
	st.afterThat = timingOf(took)
	return nil
}

// rival asks casbin some of the questions.
func (st *stage) rival(ctx context.Context, w *world, number int, questions []access.Question, answers []bool) error {
	var asked []string
	for i := 0; i < len(questions); i += perUser {
		asked = append(asked, questions[i].UserID)
	}
	before := heap()
	r, rules, err := newRival(ctx, w, number, asked)
	if err != nil {
		return err
	}
	st.casbinRules, st.casbinMemory = rules, heap()-before
	order := random(24, 0).Perm(len(questions))
	st.casbin, err = timed(len(questions), true, func(i int) error {
		i = order[i]
		yes, err := r.decide(questions[i])
		if st.compared++; yes != answers[i] {
			st.differing++
		}
		return err
	})
	return err
}

// ask makes questions to some users: of each, the first about something that was granted to one of those whose grants hold for the
// user, and the second about anything.
func (w *world) ask(ctx context.Context, number int) ([]access.Question, error) {
	r := random(21, 0)
	asked := make([]string, askedUsers)
	for i := range asked {
		asked[i] = w.users[r.IntN(len(w.users))]
	}
	links, err := w.links(ctx, asked)
	if err != nil {
		return nil, err
	}
	up := make(map[string][]string)
	for _, l := range links {
		up[l[0]] = append(up[l[0]], l[1])
	}
	index := w.index(number)
	var out []access.Question
	for _, id := range asked {
		var held []int
		for _, subject := range subjects(up, id) {
			for _, j := range index[targetOf(subject)] {
				if g := w.grant(j); g.Target.Type != directory.DepartmentTarget || g.Inherit == isBelow(subject) {
					held = append(held, j)
				}
			}
		}
		any := w.grant(r.IntN(w.grants))
		for _, g := range []access.NewGrant{any, any} {
			out = append(out, access.Question{UserID: id, Resource: g.Resource, Action: g.Actions[0]})
		}
		if len(held) > 0 {
			g := w.grant(held[r.IntN(len(held))])
			out[len(out)-2].Resource, out[len(out)-2].Action = g.Resource, g.Actions[0]
		}
	}
	return out, nil
}

// timed calls f with 0 to n-1, again and again for the time of a measurement; once: no more than once each.
func timed(n int, once bool, f func(i int) error) (timing, error) {
	var took []time.Duration
	for end := time.Now().Add(*each); n > 0; {
		for i := range n {
			began := time.Now()
			if err := f(i); err != nil {
				return timing{}, err
			}
			now := time.Now()
			took = append(took, now.Sub(began))
			if now.After(end) || len(took) == mostTimed {
				return timingOf(took), nil
			}
		}
		if once {
			break
		}
	}
	return timingOf(took), nil
}

func timingOf(took []time.Duration) timing {
	if len(took) == 0 {
		return timing{}
	}
	slices.Sort(took)
	return timing{len(took), took[len(took)/2], took[len(took)*99/100]}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func (p *permissions) print(engine string) {
	fmt.Printf("\n%s, %d users, %d departments, %d roles: permissions in process, one caller\n\n", engine, p.users, p.departments, p.roles)
	out := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "operation\tgrants\tcalls\tp50\tp99\t")
	for i := range p.stages {
		st := &p.stages[i]
		for _, x := range []struct {
			name string
			timing
		}{{"check", st.check}, {"check, user not seen before", st.cold}, {"check, of 1,000 at once", st.many}, {"check after a change", st.afterThat},
			{"explain", st.explain}, {"explain, nothing granted", st.explainNothing}, {fmt.Sprintf("list of %d resources", st.resources), st.list}, {"who can", st.whoCan}, {"casbin check", st.casbin}} {
			fmt.Fprintf(out, "%s\t%d\t%d\t%s\t%s\t\n", x.name, st.grants, x.n, fine(x.p50), fine(x.p99))
		}
	}
	out.Flush()
	for i := range p.stages {
		st := &p.stages[i]
		fmt.Printf("%d grants: %d of %d questions allowed; %d of %d changes not seen by the first check; memory of what was asked %d MB; casbin has %d rules in %d MB and decided %d of %d questions otherwise\n",
			st.grants, st.allowed, st.questions, st.unseen, st.changes, st.memory>>20, st.casbinRules, st.casbinMemory>>20, st.differing, st.compared)
	}
}

func fine(d time.Duration) string {
	if d < 100*time.Microsecond {
		return d.Round(10 * time.Nanosecond).String()
	}
	return short(d)
}

const (
	rowCheck  = "V3 is-action-allowed"
	rowCheck2 = "V2 is-allowed"

	rowExplain = "explain-permission"
	rowWho     = "who-can"
)

// overHTTP measures the built server.
func (p *permissions) overHTTP(dir, dsn string, postmaster int, w *world, asked []access.Question) error {
	a, err := admit(dsn)
	if err != nil {
		return err
	}
	b := &bench{admission: *a}
	if b.server, err = start(dir, *bin, func(address string) []string {
		return []string{"serve", "--listen", address, "--db", dsn, "--data", filepath.Join(dir, "data")}
	}, "/readyz"); err != nil {
		logs, _ := os.ReadFile(filepath.Join(dir, "server.log"))
		return fmt.Errorf("%w\n%s", err, logs)
	}
	defer b.server.stop()
	b.server.postmaster = postmaster
	time.Sleep(500 * time.Millisecond)
	p.idle = b.server.memory()
	if err := b.enter(); err != nil {
		return err
	}
	bearer := "Authorization: Bearer " + b.token + "\r\n"
	bearer2 := "Authorization: Bearer " + b.token2 + "\r\nx-authing-userpool-id: " + b.poolID + "\r\n"
	ask := func(path, headers string) func(int64) []byte {
		return func(n int64) []byte {
			q := asked[n%int64(len(asked))]
			return postRequest(path, headers, fmt.Appendf(nil, `{"userId":%q,"resource":%q,"action":%q,"namespace":"default"}`, q.UserID, q.Resource, q.Action))
		}
	}
	rows := []row{
		{name: rowCheck, good: []byte(`"allowed":`), request: ask("/api/v3/is-action-allowed", bearer)},
		{name: rowCheck2, good: []byte(`"allowed":`), request: ask("/api/v2/acl/is-allowed", bearer2)},
		{name: rowExplain, good: []byte(`"allowed":`), request: ask("/api/v3/x/explain-permission", bearer)},
		{name: rowWho, good: []byte(`"totalCount":`), request: ask("/api/v3/x/who-can", bearer)},
		{name: "V3 authorized resources", good: []byte(`"shelf:`), request: func(int64) []byte {
			return getRequest("/api/v3/get-user-authorized-resources?userId="+w.users[0], bearer)
		}},
	}
	fmt.Printf("\nover HTTP, %d grants: memory idle %d MB\n\n", p.stages[1].grants, p.idle>>20)
	out := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "operation\tcallers\tops/s\tp50\tp95\tp99\tcpu/op\tfailed\trefused\t")
	var failures []string
	for _, r := range rows {
		r.server = b.server
		for i := range int64(len(asked)) { // everybody is asked about once: what is measured is the second time
			if r.name != rowCheck {
				break
			}
			c, err := dial(b.server.address)
			if err != nil {
				return err
			}
			_, err = c.send(r.request(i))
			c.Close()
			if err != nil {
				return err
			}
		}
		n := saturating
		if r.name == rowWho {
			n = 1
		}
		m := measure(r, n, *each)
		p.rows[r.name] = m
		fmt.Fprintf(out, "%s\t%d\t%.0f\t%s\t%s\t%s\t%s\t%d\t%d\t\n", r.name, n, m.rate, short(m.p50), short(m.p95), short(m.p99), short(m.cpu), m.failed, m.refused)
		if m.failed > 0 {
			failures = append(failures, fmt.Sprintf("%s failed with: %s", r.name, m.failure))
		}
	}
	out.Flush()
	for _, f := range failures {
		fmt.Println(f)
	}
	p.loaded = b.server.memory()
	fmt.Printf("\nmemory after the run %d MB\n", p.loaded>>20)
	return nil
}

// aims prints which aims of permissions were met.
func (p *permissions) aims(a aims) {
	few, all := &p.stages[0], &p.stages[1]
	grants := fmt.Sprintf("%d grants", all.grants)
	a.line("check in process: p50 under 20µs, "+grants, fine(all.check.p50), all.check.n > 0 && all.check.p50 < 20*time.Microsecond)
	ratio := float64(all.check.p50) / float64(max(few.check.p50, 1))
	a.line(fmt.Sprintf("check in process: p50 at most 1.5 times that with %d grants", few.grants), fmt.Sprintf("%.2f", ratio), ratio <= 1.5)
	for _, name := range []string{rowCheck, rowCheck2} {
		if m, ok := p.rows[name]; ok {
			a.line(fmt.Sprintf("%s: p99 under 5ms, callers: %d", name, saturating), short(m.p99), m.rate > 0 && m.p99 < 5*time.Millisecond)
		}
	}
	a.line(fmt.Sprintf("list of at least %d effective resources: p50 under 10ms", shelf), fmt.Sprintf("%s, %d", fine(all.list.p50), all.resources),
		all.resources >= shelf && all.list.p50 < 10*time.Millisecond)
	times := float64(all.explain.p50) / float64(max(all.check.p50, 1))
	a.line("explain in process: p50 at most 5 times that of a check", fmt.Sprintf("%.1f", times), times <= 5)
	if check, ok := p.rows[rowCheck]; ok {
		times := float64(p.rows[rowExplain].p50) / float64(max(check.p50, 1))
		a.line(fmt.Sprintf("explain over HTTP: p50 at most 5 times that of a check, callers: %d", saturating), fmt.Sprintf("%.1f", times), check.rate > 0 && times <= 5)
	}
	a.line("the first check after a change sees it", fmt.Sprintf("%d of %d", all.changes+few.changes-all.unseen-few.unseen, all.changes+few.changes), all.unseen+few.unseen == 0)
	a.line("casbin decides alike", fmt.Sprintf("%d of %d", all.compared+few.compared-all.differing-few.differing, all.compared+few.compared), all.differing+few.differing == 0)
}
