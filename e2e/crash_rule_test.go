package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// A change of a dynamic group's rule that kill -9 cuts off shows the old members or the new ones, never a mixture, and is finished
// after the restart.
func TestRuleChangeSurvivesKill(t *testing.T) {
	onEachEngine(t, func(t *testing.T, i *instance) {
		token := i.token()
		call := func(method, path string, in, data any) {
			t.Helper()
			a, err := i.call(method, path, token, in)
			if err != nil || a.StatusCode != 200 {
				t.Fatalf("%s: %+v, %v", path, a, err)
			}
			if data != nil {
				if err := json.Unmarshal(a.Data, data); err != nil {
					t.Fatal(err)
				}
			}
		}

		// Two of five users are in Berlin, the others in Paris.
		const users, batch, berlin, paris = 10_000, 50, 4_000, 6_000
		began := time.Now()
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for at := w * batch; at < users; at += 8 * batch {
					var list []map[string]string
					for n := at; n < at+batch; n++ {
						city := "Paris"
						if n%5 < 2 {
							city = "Berlin"
						}
						list = append(list, map[string]string{"username": fmt.Sprint("user-", n), "city": city})
					}
					a, err := i.call(http.MethodPost, "/api/v3/create-users-batch", token, map[string]any{"list": list})
					if err != nil || a.StatusCode != 200 {
						t.Errorf("%+v, %v", a.Message, err)
						return
					}
				}
			})
		}
		wg.Wait()
		t.Logf("made %d users in %v", users, time.Since(began))
		call(http.MethodPost, "/api/v3/create-group", map[string]string{"code": "city", "name": "City", "type": "dynamic"}, nil)
		var rule struct {
			State    string
			Progress *struct{ Evaluated, Total int }
		}
		ready := func() bool {
			t.Helper()
			call(http.MethodGet, "/api/v3/x/get-group-rule?code=city", nil, &rule)
			return rule.State == "ready"
		}
		// look is how many members the group has; those of a page are of one rule. The page and the number are read one after the other.
		look := func() int {
			t.Helper()
			var page struct {
				TotalCount int
				List       []struct{ City string }
			}
			call(http.MethodGet, fmt.Sprint("/api/v3/list-group-members?code=city&limit=50&page=", 1+rand.IntN(berlin/50)), nil, &page)
			for _, u := range page.List {
				if u.City != page.List[0].City {
					t.Fatalf("%s and %s are in at once", u.City, page.List[0].City)
				}
			}
			if page.TotalCount != berlin && page.TotalCount != paris || len(page.List) != 50 {
				t.Fatalf("%d members, %d on a page", page.TotalCount, len(page.List))
			}
			return page.TotalCount
		}
		call(http.MethodPost, "/api/v3/x/set-group-rule", map[string]string{"code": "city", "rule": `user.city == "Berlin"`}, nil)
		for !ready() {
			time.Sleep(10 * time.Millisecond)
		}
		if n := look(); n != berlin {
			t.Fatalf("%d members", n)
		}

		go func() { // the server dies before it answers
			_, _ = i.call(http.MethodPost, "/api/v3/x/set-group-rule", token, map[string]string{"code": "city", "rule": `user.city == "Paris"`})
		}()
		killAt := rand.IntN(users / 2)
		for began := time.Now(); ; {
			if time.Since(began) > 20*time.Second {
				t.Fatal("the change did not begin")
			}
			if !ready() && rule.Progress.Evaluated > killAt {
				break
			}
		}
		i.kill()
		evaluated := rule.Progress.Evaluated

		i.start()
		token = i.token()
		seen := map[int]int{}
		for began := time.Now(); ; {
			done := ready()
			seen[look()]++
			if done {
				break
			}
			if time.Since(began) > 90*time.Second {
				t.Fatalf("the change is not through: %+v", rule)
			}
		}
		if n := look(); n != paris {
			t.Errorf("%d members in the end", n)
		}
		t.Logf("killed after %d of %d users; looks at members after the restart: %v", evaluated, users, seen)
	})
}
