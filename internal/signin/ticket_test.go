package signin_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

const testKind signin.TicketKind = "test"

// A ticket is good once, for its kind, for its time.
func TestTicket(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := testhall.New(t, d)
		p := h.Pool(t, "one")
		ctx := p.As(context.Background())
		s := h.Signin
		type data struct{ Word string }
		issue := func(life time.Duration) string {
			text, err := s.IssueTicket(ctx, p.ID, testKind, life, signin.TicketFor{UserID: "u", AppID: p.AppID, FamilyID: "f"}, data{"sesame"})
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		good := issue(time.Minute)
		if !strings.HasPrefix(good, p.ID) || strings.ContainsAny(good, "+/=&%") {
			t.Errorf("the text %q must begin with the pool and be safe in an address", good)
		}
		var got data
		if tk, err := s.PeekTicket(ctx, testKind, good, &got); err != nil || got.Word != "sesame" || tk.UserID != "u" || tk.FamilyID != "f" {
			t.Fatalf("peek: %v, %v, %v", tk, got, err)
		}
		if tk, err := s.PeekTicket(ctx, testKind, good, nil); err != nil {
			t.Fatal(err)
		} else if err := s.UpdateTicket(ctx, tk, data{"open"}); err != nil {
			t.Fatal(err)
		} else if stale := *tk; true {
			if err := s.UpdateTicket(ctx, tk, data{"wide"}); err != nil {
				t.Fatal(err)
			}
			if err := s.UpdateTicket(ctx, &stale, data{"lost"}); !errors.Is(err, signin.ErrTicketChanged) {
				t.Errorf("a change of what has changed since: %v", err)
			}
		}
		wrong := []struct{ name, text string }{
			{"nothing", ""}, {"no ticket", "x"}, {"another pool's", strings.Repeat("0", 24) + good[24:]},
			{"one letter off", good[:66] + flip(good[66:])}, {"over", issue(-time.Second)},
		}
		for _, w := range wrong {
			if _, err := s.PeekTicket(ctx, testKind, w.text, nil); !errors.Is(err, signin.ErrTicketInvalid) {
				t.Errorf("peek at %s: %v", w.name, err)
			}
			if _, err := s.SpendTicket(ctx, testKind, w.text, nil); !errors.Is(err, signin.ErrTicketInvalid) {
				t.Errorf("spend %s: %v", w.name, err)
			}
		}
		if _, err := s.SpendTicket(ctx, "other", good, nil); !errors.Is(err, signin.ErrTicketInvalid) {
			t.Errorf("as another kind: %v", err)
		}
		if _, err := s.SpendTicket(ctx, testKind, good, &got); err != nil || got.Word != "wide" {
			t.Errorf("spend: %v, %v", got, err)
		}
		if tk, err := s.SpendTicket(ctx, testKind, good, nil); !errors.Is(err, signin.ErrTicketUsed) || tk == nil || tk.FamilyID != "f" {
			t.Errorf("spend twice: %v, %v", tk, err)
		}
		if _, err := s.PeekTicket(ctx, testKind, good, nil); !errors.Is(err, signin.ErrTicketInvalid) {
			t.Errorf("peek at a used one: %v", err)
		}
		dropped := issue(time.Minute)
		if err := s.DropTickets(ctx, p.ID, testKind, "u"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SpendTicket(ctx, testKind, dropped, nil); !errors.Is(err, signin.ErrTicketUsed) {
			t.Errorf("a dropped one: %v", err)
		}
	})
}

func flip(s string) string {
	if s == "A" {
		return "B"
	}
	return "A"
}

// Of a thousand who spend one ticket at once, over two servers where the engine has room for two, one succeeds.
func TestTicketOnce(t *testing.T) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := testhall.New(t, d)
		servers := []*signin.Signin{h.Signin, h.Signin}
		if !d.Local() {
			servers[1] = h.Again(t).Signin
		}
		p := h.Pool(t, "one")
		ctx := p.As(context.Background())
		text, err := h.Signin.IssueTicket(ctx, p.ID, testKind, time.Minute, signin.TicketFor{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var won, lost atomic.Int64
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				for range 20 {
					switch _, err := servers[i%2].SpendTicket(ctx, testKind, text, nil); {
					case err == nil:
						won.Add(1)
					case errors.Is(err, signin.ErrTicketUsed):
						lost.Add(1)
					default:
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 999 {
			t.Errorf("%d succeeded and %d were too late", won.Load(), lost.Load())
		}
	})
}
