package access_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
)

func TestHeldResources(t *testing.T) {
	eachHall(t, 2, func(t *testing.T, h *hall) {
		me, mine := access.Target{Type: user, ID: h.users[0]}, access.Target{Type: group, ID: h.groups[0]}
		must(t, h.Grant(t.Context(), "p", []access.NewGrant{
			{Target: me, Resource: "books:1", Actions: []string{"read"}},
			{Target: mine, Resource: "books:2", Actions: []string{"read", "edit"}},
			{Target: mine, Resource: "books:2", Actions: []string{"edit", "burn"}, Effect: access.Deny},
			{Target: me, Resource: "door", ResourceType: access.Menu, Effect: access.Deny},
			{Target: me, Resource: "books:3", Namespace: "app", Actions: []string{"read"}},
		}))
		for _, c := range []struct {
			name      string
			q         access.HeldQuery
			want, err string
		}{
			{"a user", access.HeldQuery{Target: me}, "ALLOW books:1[read] ALLOW books:2[read]", ""},
			{"a user, with denials", access.HeldQuery{Target: me, Denied: true}, "ALLOW books:1[read] ALLOW books:2[read] DENY books:2[burn edit] DENY door[]", ""},
			{"a group", access.HeldQuery{Target: mine, Denied: true}, "ALLOW books:2[read] DENY books:2[burn edit]", ""},
			{"some", access.HeldQuery{Target: me, Resources: []string{"books:2", "pens"}, Denied: true}, "ALLOW books:2[read] DENY books:2[burn edit]", ""},
			{"by their beginnings", access.HeldQuery{Target: me, Resources: []string{"books:*"}}, "ALLOW books:1[read] ALLOW books:2[read]", ""},
			{"a type", access.HeldQuery{Target: me, Type: access.Menu, Denied: true}, "DENY door[]", ""},
			{"another namespace", access.HeldQuery{Target: me, Namespace: "app"}, "ALLOW books:3[read]", ""},
			{"an unknown namespace", access.HeldQuery{Target: me, Namespace: "none"}, "", "namespace_not_found"},
			{"a bad type", access.HeldQuery{Target: me, Type: "DOOR"}, "", "field_format resourceType"},
		} {
			list, err := h.HeldResources(t.Context(), "p", c.q)
			got := make(map[string]bool)
			for _, r := range list {
				got[fmt.Sprintf("%s %s%v", r.Effect, r.Code, r.Actions)] = true
			}
			want := strings.Count(c.want, "[")
			for one := range got {
				if !strings.Contains(c.want, one) {
					t.Errorf("%s: %s", c.name, one)
				}
			}
			if said(err) != c.err || len(got) != want {
				t.Errorf("%s: %v, %v, want %s", c.name, got, err, c.want)
			}
		}
		if list, err := h.HeldResources(t.Context(), "q", access.HeldQuery{Target: me, Denied: true}); err != nil || len(list) != 0 {
			t.Errorf("q sees %v, %v", list, err)
		}
	})
}
