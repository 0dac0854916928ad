package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// TicketKind says what a ticket is for; a ticket of one kind never passes for another.
type TicketKind string

// Ticket is a secret that works once: an authorization code, a refresh token, a step of a sign-in, a link. Whoever holds its
// text may use it; only the text's hash is stored.
type Ticket struct {
	PoolID    string     `db:"pool_id"`
	Hash      string     `db:"hash"`
	Kind      TicketKind `db:"kind"`
	UserID    string     `db:"user_id"`
	AppID     string     `db:"app_id"`
	FamilyID  string     `db:"family_id"`
	Data      string     `db:"data"` // sealed
	CreatedAt int64      `db:"created_at"`
	ExpiresAt int64      `db:"expires_at"`
	UsedAt    int64      `db:"used_at"`
}

// TicketFor is whom a ticket concerns; what is empty is nobody's.
type TicketFor struct{ UserID, AppID, FamilyID string }

// Errors of tickets.
var (
	// ErrTicketInvalid says that a text is no ticket of the kind, or that its time is over.
	ErrTicketInvalid = fault.New(fault.Invalid, "ticket_invalid")
	// ErrTicketUsed says that a ticket has been used before.
	ErrTicketUsed = fault.New(fault.Invalid, "ticket_used")
	// ErrTicketChanged says that somebody else changed the ticket first: read it again.
	ErrTicketChanged = fault.New(fault.Conflict, "ticket_changed")
)

const (
	idLength     = 24
	secretLength = 43 // 32 bytes in base64url
)

// newSecret is a text of 256 random bits whose characters need no escape in an address.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// ticketPool is the pool that a ticket's text names, "" for what cannot be a ticket.
func ticketPool(text string) string {
	if len(text) != idLength+secretLength || !db.IsID(text[:idLength]) {
		return ""
	}
	return text[:idLength]
}

func ticketContext(t *Ticket) string { return "pool/" + t.PoolID + "/ticket/" + t.Hash }

// IssueTicket makes a ticket that lives for life and returns its text, which begins with the pool's identifier and has only
// URL-safe characters. data, which may be nil, is kept with it as sealed JSON.
func (s *Signin) IssueTicket(ctx context.Context, poolID string, kind TicketKind, life time.Duration, f TicketFor, data any) (string, error) {
	text := poolID + newSecret()
	now := s.db.Now()
	t := Ticket{PoolID: poolID, Hash: hashOf(text), Kind: kind, UserID: f.UserID, AppID: f.AppID, FamilyID: f.FamilyID,
		CreatedAt: now, ExpiresAt: now + life.Milliseconds()}
	if err := s.sealTicket(&t, data); err != nil {
		return "", err
	}
	return text, s.db.Tx(ctx, func(ctx context.Context) error { return db.Insert(ctx, s.db, "tickets", &t) })
}

func (s *Signin) sealTicket(t *Ticket, data any) error {
	if data == nil {
		t.Data = ""
		return nil
	}
	plain, err := json.Marshal(data)
	if err != nil {
		return err
	}
	t.Data = s.master.Seal(plain, ticketContext(t))
	return nil
}

// openTicket puts what the ticket keeps into data, unless that is nil.
func (s *Signin) openTicket(t *Ticket, data any) error {
	if data == nil || t.Data == "" {
		return nil
	}
	plain, err := s.master.Open(t.Data, ticketContext(t))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, data)
}

var selectTicket = "select " + db.Columns[Ticket]() + " from tickets where pool_id = ? and hash = ? and kind = ?"

// PeekTicket reads a ticket without using it. ErrTicketInvalid for what is unknown, of another kind, used or expired.
func (s *Signin) PeekTicket(ctx context.Context, kind TicketKind, text string, data any) (*Ticket, error) {
	t, err := s.ticket(ctx, kind, text)
	if err != nil {
		return nil, err
	}
	if t.UsedAt != 0 || t.ExpiresAt <= s.db.Now() {
		return nil, ErrTicketInvalid
	}
	return t, s.openTicket(t, data)
}

// ticket reads a ticket, used or not. ErrTicketInvalid when there is none.
func (s *Signin) ticket(ctx context.Context, kind TicketKind, text string) (*Ticket, error) {
	poolID := ticketPool(text)
	if poolID == "" {
		return nil, ErrTicketInvalid
	}
	t, err := db.One[Ticket](ctx, s.db, selectTicket, poolID, hashOf(text), string(kind))
	if errors.Is(err, db.NoRow) {
		return nil, ErrTicketInvalid
	}
	return &t, err
}

// SpendTicket uses a ticket: of all who try, on all servers, exactly one succeeds, if the transaction of ctx commits.
// ErrTicketUsed, with the ticket, for who comes later; ErrTicketInvalid for what is unknown, of another kind or expired.
func (s *Signin) SpendTicket(ctx context.Context, kind TicketKind, text string, data any) (*Ticket, error) {
	poolID := ticketPool(text)
	if poolID == "" {
		return nil, ErrTicketInvalid
	}
	var t *Ticket
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		now := s.db.Now()
		n, err := db.Exec(ctx, s.db, "update tickets set used_at = ? where pool_id = ? and hash = ? and kind = ? and used_at = 0 and expires_at > ?",
			now, poolID, hashOf(text), string(kind), now)
		if err != nil {
			return err
		}
		if t, err = s.ticket(ctx, kind, text); err != nil {
			return err
		}
		switch {
		case n == 1:
			return s.openTicket(t, data)
		case t.UsedAt != 0:
			return ErrTicketUsed
		}
		return ErrTicketInvalid
	})
	if err != nil && !errors.Is(err, ErrTicketUsed) {
		return nil, err
	}
	return t, err
}

// UpdateTicket gives an unused ticket, as it was read, new data. ErrTicketChanged when it has been used or changed since.
func (s *Signin) UpdateTicket(ctx context.Context, t *Ticket, data any) error {
	before := t.Data
	if err := s.sealTicket(t, data); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.Exec(ctx, s.db, "update tickets set data = ? where pool_id = ? and hash = ? and used_at = 0 and data = ?", t.Data, t.PoolID, t.Hash, before)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrTicketChanged
		}
		return nil
	})
}

// DropTickets uses up all of a user's tickets of a kind.
func (s *Signin) DropTickets(ctx context.Context, poolID string, kind TicketKind, userID string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		_, err := db.Exec(ctx, s.db, "update tickets set used_at = ? where pool_id = ? and user_id = ? and kind = ? and used_at = 0",
			s.db.Now(), poolID, userID, string(kind))
		return err
	})
}
