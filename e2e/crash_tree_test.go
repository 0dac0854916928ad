package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/guildhall-id/guildhall/internal/db"
)

// Departments move about in a tree while the server is killed: afterwards every acknowledged move is there, and who stands above
// whom is what follows from the departments' parents.
func TestMovedTreesSurviveKill(t *testing.T) {
	const (
		departments = 400
		callers     = 16
		leastMoves  = 100 // acknowledged before the kill
	)
	onEachEngine(t, func(t *testing.T, i *instance) {
		token := i.token()
		post := func(path string, in map[string]any) (answer, error) {
			in["organizationCode"] = "tree"
			return i.call(http.MethodPost, "/api/v3/"+path, token, in)
		}
		created := func(a answer, err error) string {
			t.Helper()
			var d struct{ DepartmentID string }
			if err != nil || a.StatusCode != 200 || json.Unmarshal(a.Data, &d) != nil {
				t.Fatalf("%+v, %v", a, err)
			}
			return d.DepartmentID
		}
		ids := []string{created(post("create-organization", map[string]any{"organizationName": "Tree"}))}
		root := ids[0]
		parents := map[string]string{root: ""} // what was acknowledged
		for n := range departments {
			parent := ids[rand.IntN(len(ids))]
			id := created(post("create-department", map[string]any{"name": fmt.Sprint("department ", n), "parentDepartmentId": parent}))
			ids = append(ids, id)
			parents[id] = parent
		}

		killAt := int64(leastMoves + rand.IntN(400))
		var (
			done    atomic.Int64
			refused atomic.Int64
			mu      sync.Mutex
			asked   = map[string]string{} // moves that the server did not live to answer
			wg      sync.WaitGroup
			once    sync.Once
		)
		for caller := range callers {
			wg.Go(func() {
				// Each caller has departments of its own to move, below whomever, so that it knows where they are.
				var own []string
				for n := 1 + caller; n < len(ids); n += callers {
					own = append(own, ids[n])
				}
				for {
					id, to := own[rand.IntN(len(own))], ids[rand.IntN(len(ids))]
					mu.Lock()
					same := parents[id] == to
					mu.Unlock()
					if same {
						continue
					}
					a, err := post("update-department", map[string]any{"departmentId": id, "parentDepartmentId": to})
					if err != nil { // the server is gone
						mu.Lock()
						asked[id] = to
						mu.Unlock()
						return
					}
					switch a.StatusCode {
					case 200:
						mu.Lock()
						parents[id] = to
						mu.Unlock()
						if done.Add(1) == killAt {
							go once.Do(func() { _ = i.command.Process.Kill() })
						}
					case 400, 422: // below itself, or too deep
						refused.Add(1)
					default:
						t.Errorf("%d %s", a.StatusCode, a.Message)
						return
					}
				}
			})
		}
		wg.Wait()
		_ = i.command.Wait()
		if len(asked) == 0 {
			t.Error("the server was not killed in the middle of anything")
		}

		i.start()
		token = i.token()
		a, err := i.call(http.MethodGet, "/api/v3/get-all-departments?organizationCode=tree&departmentId="+root, token, nil)
		if err != nil || a.StatusCode != 200 {
			t.Errorf("after the start: %+v, %v", a, err)
		}
		// It goes on: a department is made, moved and deleted.
		first := created(post("create-department", map[string]any{"name": "New", "parentDepartmentId": root}))
		for _, step := range []struct {
			path string
			in   map[string]any
		}{{"update-department", map[string]any{"departmentId": first, "parentDepartmentId": ids[1]}}, {"delete-department", map[string]any{"departmentId": first}}} {
			if a, err := post(step.path, step.in); err != nil || a.StatusCode != 200 {
				t.Errorf("%s: %+v, %v", step.path, a, err)
			}
		}
		i.kill()

		found, paths := readTree(t, i.dsn)
		if len(found) != len(parents) {
			t.Errorf("%d departments, want %d", len(found), len(parents))
		}
		lost, late := 0, 0
		for id, parent := range parents {
			switch to, pending := asked[id]; {
			case found[id] == parent:
			case pending && found[id] == to:
				late++ // done, and not told
			default:
				lost++
			}
		}
		t.Logf("%d moves acknowledged, %d refused, %d cut off of which %d were done, %d lost", done.Load(), refused.Load(), len(asked), late, lost)
		if lost > 0 {
			t.Errorf("%d acknowledged moves are lost", lost)
		}
		want := map[path]bool{}
		for id := range found {
			for above, depth := id, int64(0); above != ""; above, depth = found[above], depth+1 {
				want[path{id, above, depth}] = true
				if depth > int64(len(found)) {
					t.Fatalf("%s stands below itself", id)
				}
			}
		}
		if !maps.Equal(paths, want) {
			missing, surplus := 0, 0
			for p := range want {
				if !paths[p] {
					missing++
				}
			}
			for p := range paths {
				if !want[p] {
					surplus++
				}
			}
			t.Errorf("of %d paths %d are missing, %d are too many", len(want), missing, surplus)
		}
	})
}

// path says that a department stands below another one, and how far.
type path struct {
	Descendant string `db:"descendant"`
	Ancestor   string `db:"ancestor"`
	Depth      int64  `db:"depth"`
}

// readTree reads the only organisation of a database that nobody serves: the parent of each department, and the paths.
func readTree(t *testing.T, dsn string) (parents map[string]string, paths map[path]bool) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	type node struct {
		ID     string `db:"id"`
		Parent string `db:"parent_id"`
	}
	nodes, err := db.List[node](t.Context(), d, "select id, parent_id from departments")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.List[path](t.Context(), d, "select descendant, ancestor, depth from department_paths")
	if err != nil {
		t.Fatal(err)
	}
	parents, paths = map[string]string{}, map[path]bool{}
	for _, n := range nodes {
		parents[n.ID] = n.Parent
	}
	for _, p := range rows {
		paths[p] = true
	}
	if len(paths) != len(rows) {
		t.Errorf("%d of %d paths stand there twice", len(rows)-len(paths), len(rows))
	}
	return parents, paths
}
