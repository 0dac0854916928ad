package signin

import (
	"context"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/notify"
)

// Notice says who is told that an administrator has made an account or set its password. The zero Notice tells nobody.
type Notice struct {
	Mail, Text     bool   // the account's own address and number, if it has them
	MailTo, TextTo string // an address and a number beside them; the number with its country, or of mainland China
	AppID          string // the application that the message is in the name of; "" the pool
}

func (n Notice) silent() bool { return n == (Notice{AppID: n.AppID}) }

// CreateUsers makes users as (*directory.Directory).CreateUsers does and sends what the notice asks for, the initial password in it, in one
// transaction. notify.ErrNoMail and notify.ErrNoSMS where there is no way to send it; then nothing is made.
func (s *Signin) CreateUsers(ctx context.Context, poolID string, list []directory.NewUser, n Notice) ([]directory.User, error) {
	if n.silent() {
		return s.dir.CreateUsers(ctx, poolID, list)
	}
	passwords := make([]*directory.PasswordInput, len(list))
	for i := range list {
		passwords[i] = list[i].Password
	}
	return s.telling(ctx, poolID, n, notify.FirstCreatedUser, passwords, func(ctx context.Context, prepared []*directory.PasswordInput) ([]directory.User, error) {
		for i := range list {
			list[i].Password = prepared[i]
		}
		return s.dir.CreateUsers(ctx, poolID, list)
	})
}

// UpdateUsers changes users as (*directory.Directory).UpdateUsers does and tells those whose password it sets, as CreateUsers does.
func (s *Signin) UpdateUsers(ctx context.Context, poolID string, refs []directory.UserRef, patches []directory.UserPatch, n Notice) ([]directory.User, error) {
	if n.silent() {
		return s.dir.UpdateUsers(ctx, poolID, refs, patches)
	}
	passwords := make([]*directory.PasswordInput, len(patches))
	for i := range patches {
		passwords[i] = patches[i].Password
	}
	return s.telling(ctx, poolID, n, notify.PasswordResetAdmin, passwords, func(ctx context.Context, prepared []*directory.PasswordInput) ([]directory.User, error) {
		for i := range patches {
			patches[i].Password = prepared[i]
		}
		return s.dir.UpdateUsers(ctx, poolID, refs, patches)
	})
}

// telling does what makes or changes users, with passwords that are hashed already, and tells them. Whose password an update leaves alone is
// told nothing.
func (s *Signin) telling(ctx context.Context, poolID string, n Notice, kind notify.Kind, passwords []*directory.PasswordInput,
	do func(context.Context, []*directory.PasswordInput) ([]directory.User, error)) ([]directory.User, error) {
	t, err := s.teller(ctx, poolID, n)
	if err != nil {
		return nil, err
	}
	prepared, plain, err := s.dir.Readable(ctx, poolID, passwords)
	if err != nil {
		return nil, err
	}
	var users []directory.User
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		if users, err = do(ctx, prepared); err != nil {
			return err
		}
		for i := range users {
			if kind == notify.PasswordResetAdmin && passwords[i] == nil {
				continue
			}
			if err := t.tell(ctx, kind, &users[i], plain[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return users, err
}

// teller sends what a notice asks for.
type teller struct {
	s            *Signin
	poolID, name string
	mail, text   bool
	mailTo       string
	textTo       string
}

// teller checks a notice: that there is a way to send it, and where to.
func (s *Signin) teller(ctx context.Context, poolID string, n Notice) (*teller, error) {
	t := &teller{s: s, poolID: poolID, mail: n.Mail, text: n.Text}
	var err error
	if t.name, err = s.senderName(ctx, poolID, n.AppID); err != nil {
		return nil, err
	}
	if n.MailTo != "" {
		if _, t.mailTo, err = (Address{Email: n.MailTo}).reached(); err != nil {
			return nil, err
		}
	}
	if n.TextTo != "" {
		if _, t.textTo, err = (Address{Phone: n.TextTo}).reached(); err != nil {
			return nil, err
		}
	}
	for _, c := range []struct {
		asked   bool
		channel notify.Channel
	}{{t.mail || t.mailTo != "", notify.Mail}, {t.text || t.textTo != "", notify.SMS}} {
		if c.asked {
			if err := s.notify.Ready(ctx, poolID, c.channel); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

func (t *teller) tell(ctx context.Context, kind notify.Kind, u *directory.User, password string) error {
	var mails, texts []string
	if t.mail && u.Email != "" {
		mails = append(mails, u.Email)
	}
	if t.mailTo != "" && (len(mails) == 0 || !strings.EqualFold(t.mailTo, u.Email)) {
		mails = append(mails, t.mailTo)
	}
	if t.text && u.Phone != "" {
		if _, to, err := phoneOf(u).reached(); err == nil { // a number that nobody can be reached at is no reason to refuse the account
			texts = append(texts, to)
		}
	}
	if t.textTo != "" && (len(texts) == 0 || texts[0] != t.textTo) {
		texts = append(texts, t.textTo)
	}
	m := notify.Message{Kind: kind, Language: caller.From(ctx).Language, Params: notify.Params{App: t.name, User: u.DisplayName(), Email: u.Email, Password: password}}
	for i, to := range append(mails, texts...) {
		if m.Channel, m.To = notify.Mail, to; i >= len(mails) {
			m.Channel = notify.SMS
		}
		if err := t.s.notify.Send(ctx, t.poolID, m); err != nil {
			return err
		}
	}
	return nil
}

// senderName is what a message calls its sender: an application of the pool, or the pool.
func (s *Signin) senderName(ctx context.Context, poolID, appID string) (string, error) {
	if db.IsID(appID) {
		app, err := s.PoolApplication(ctx, poolID, appID)
		if err != nil {
			return "", err
		}
		return app.Name, nil
	}
	if appID != "" {
		return "", ErrApplicationNotFound
	}
	pool, err := s.dir.Pool(ctx, poolID)
	if err != nil {
		return "", err
	}
	return pool.Name, nil
}

// welcome greets somebody who has just registered, if the pool wants that and mail can be sent. It belongs to the transaction that makes
// the account.
func (s *Signin) welcome(ctx context.Context, app *Application, u *directory.User) error {
	pool, err := s.dir.Pool(ctx, app.PoolID)
	if err != nil || u.Email == "" || pool.Settings.SendWelcomeEmail == nil || !*pool.Settings.SendWelcomeEmail {
		return err
	}
	if s.notify.Ready(ctx, app.PoolID, notify.Mail) != nil {
		return nil // nobody has asked for it here and now
	}
	return s.notify.Send(ctx, app.PoolID, notify.Message{Channel: notify.Mail, To: u.Email, Kind: notify.Welcome, Language: caller.From(ctx).Language,
		Params: notify.Params{App: app.Name, User: u.DisplayName(), Email: u.Email}})
}
