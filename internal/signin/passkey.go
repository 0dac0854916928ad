package signin

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Passkey is a WebAuthn credential of a user (Web Authentication Level 3). Times are unix milliseconds.
type Passkey struct {
	PoolID       string `db:"pool_id"`
	ID           string `db:"id"`
	UserID       string `db:"user_id"`
	CredentialID string `db:"credential_id"` // as the browser knows it: base64url
	RPID         string `db:"rp_id"`         // the host it was made for, and works on
	Name         string `db:"name"`
	Kind         string `db:"kind"`   // what unlocks it, as the client says: fingerprint | face | other | ""
	Record       string `db:"record"` // sealed
	SignCount    int64  `db:"sign_count"`
	SecondFactor bool   `db:"second_factor"` // bound to be asked for beside a password
	ClonedAt     int64  `db:"cloned_at"`     // when its counter went back, as that of a copy does; 0 as long as it has not
	AppID        string `db:"app_id"`
	CreatedAt    int64  `db:"created_at"`
	UsedAt       int64  `db:"used_at"` // 0 while it has not been
}

// Errors of passkeys.
var (
	ErrPasskeyNotFound = fault.New(fault.NotFound, "passkey_not_found")
	// ErrPasskeyTicket says that a ceremony is over: it was finished, took longer than five minutes, or never began.
	ErrPasskeyTicket = fault.New(fault.Invalid, "passkey_ticket_invalid")
	// ErrPasskeyWrong says that an answer proves nothing: another origin, challenge, user or key, or nobody was verified.
	ErrPasskeyWrong = fault.New(fault.Forbidden, "passkey_wrong")
	// ErrPasskeyCloned says that a passkey's counter went back: there are two of it.
	ErrPasskeyCloned = fault.New(fault.Forbidden, "passkey_cloned")
	ErrPasskeyTaken  = fault.New(fault.Conflict, "passkey_taken")
	// ErrPasskeyNoHost says that the server is reached by a bare address: passkeys belong to a host name.
	ErrPasskeyNoHost = fault.New(fault.Unsupported, "passkey_no_host")
)

// TicketPasskey is the kind of a passkey ceremony: its challenge.
const TicketPasskey TicketKind = "passkey"

const (
	passkeyLife  = 5 * time.Minute
	mostPasskeys = 50 // of one user
	longestKey   = 64 << 10
)

// What a ceremony is for.
const (
	passkeyRegister = "register"
	passkeyLogin    = "login"
	passkeyVerify   = "verify"
)

// ceremony is what the server remembers between the two halves.
type ceremony struct {
	For          string   `json:"for"`
	Session      string   `json:"session"` // webauthn.SessionData
	Origins      []string `json:"origins"`
	UserID       string   `json:"userId"`
	SecondFactor bool     `json:"secondFactor"`
	Flow         string   `json:"flow"` // the hash of the pending sign-in that it belongs to
}

// PasskeyOptions are the first half of a ceremony: Ticket names it, PublicKey goes to the browser as it stands
// (PublicKeyCredentialCreationOptionsJSON or …RequestOptionsJSON).
type PasskeyOptions struct {
	Ticket    string
	PublicKey json.RawMessage
}

var selectPasskey = "select " + db.Columns[Passkey]() + " from passkeys where pool_id = ? and "

// passkeysOf lists the user's passkeys, oldest first.
func (s *Signin) passkeysOf(ctx context.Context, poolID, userID string) ([]Passkey, error) {
	return db.List[Passkey](ctx, s.db, selectPasskey+"user_id = ? order by id limit ?", poolID, userID, mostPasskeys)
}

// Passkeys lists the user's passkeys, oldest first.
func (s *Signin) Passkeys(ctx context.Context, poolID, userID string) ([]Passkey, error) {
	return s.passkeysOf(ctx, poolID, userID)
}

// Passkey returns one of the user's passkeys by its identifier or its credential's; ErrPasskeyNotFound when it is not theirs.
func (s *Signin) Passkey(ctx context.Context, poolID, userID, id string) (*Passkey, error) {
	if len(id) > 2048 {
		return nil, ErrPasskeyNotFound
	}
	k, err := db.One[Passkey](ctx, s.db, selectPasskey+"user_id = ? and (id = ? or credential_id = ?) limit 1", poolID, userID, id, id)
	if errors.Is(err, db.NoRow) {
		return nil, ErrPasskeyNotFound
	}
	return &k, err
}

// PasskeyHolder is the identifier of the user whose passkey it is, by its identifier or its credential's: for administrators of the pool.
// ErrPasskeyNotFound when there is none.
func (s *Signin) PasskeyHolder(ctx context.Context, poolID, id string) (userID string, err error) {
	if len(id) > 2048 {
		return "", ErrPasskeyNotFound
	}
	userID, err = db.One[string](ctx, s.db, "select user_id from passkeys where pool_id = ? and (id = ? or credential_id = ?) limit 1", poolID, id, id)
	if errors.Is(err, db.NoRow) {
		err = ErrPasskeyNotFound
	}
	return userID, err
}

// RenamePasskey names one of the user's passkeys.
func (s *Signin) RenamePasskey(ctx context.Context, poolID, userID, id, name string) error {
	name = strings.TrimSpace(name)
	if err := directory.CheckText("name", name, 128); err != nil {
		return err
	}
	if name == "" {
		return fault.Field("name")
	}
	return s.db.Tx(ctx, func(ctx context.Context) error {
		k, err := s.Passkey(ctx, poolID, userID, id)
		if err != nil {
			return err
		}
		if _, err := db.Exec(ctx, s.db, "update passkeys set name = ? where pool_id = ? and id = ?", name, poolID, k.ID); err != nil {
			return err
		}
		return s.log.Add(ctx, poolID, audit.Event{Operation: audit.Update, Resource: audit.UserLogin, TargetID: k.ID, TargetName: name, UserID: userID,
			Before: map[string]any{"name": k.Name}, After: map[string]any{"name": name}})
	})
}

// RemovePasskey removes one of the user's passkeys, and with it the trust in remembered devices if it was a second factor.
func (s *Signin) RemovePasskey(ctx context.Context, poolID, userID, id string) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		k, err := s.Passkey(ctx, poolID, userID, id)
		if err != nil {
			return err
		}
		return s.removePasskey(ctx, k)
	})
}

func (s *Signin) removePasskey(ctx context.Context, k *Passkey) error {
	if _, err := db.Exec(ctx, s.db, "delete from passkeys where pool_id = ? and id = ?", k.PoolID, k.ID); err != nil {
		return err
	}
	if k.SecondFactor {
		if err := s.forgetDevices(ctx, k.PoolID, k.UserID); err != nil {
			return err
		}
	}
	return s.log.Add(ctx, k.PoolID, audit.Event{Operation: audit.Remove, Resource: audit.UserLogin, TargetID: k.ID, TargetName: k.Name, UserID: k.UserID,
		UserEvent: eventUnbind, Before: map[string]any{"factorType": string(FactorPasskey)}})
}

// RemovePasskeys removes the user's passkeys of a kind, all of them when kind is empty, and reports how many there were.
func (s *Signin) RemovePasskeys(ctx context.Context, poolID, userID, kind string) (n int, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		n = 0
		keys, err := s.passkeysOf(ctx, poolID, userID)
		if err != nil {
			return err
		}
		for i := range keys {
			if kind != "" && keys[i].Kind != kind {
				continue
			}
			if err := s.removePasskey(ctx, &keys[i]); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// relyingParty is this server as browsers know it (Web Authentication Level 3, section 13.4.9): the host that passkeys are made for,
// never one that a request names, and the pages that may ask on its behalf: its own and the application's on that host or below it. An
// origin with a wildcard is none.
func (s *Signin) relyingParty(app *Application) (*webauthn.WebAuthn, []string, error) {
	base, err := url.Parse(strings.TrimSuffix(s.issuer, "/oidc"))
	if err != nil {
		return nil, nil, err
	}
	if s.keyHost == "" || net.ParseIP(s.keyHost) != nil {
		return nil, nil, ErrPasskeyNoHost
	}
	origins := []string{base.Scheme + "://" + base.Host}
	for _, o := range app.Settings.AllowedOrigins {
		u, err := url.Parse(o)
		if err != nil || strings.Contains(o, "*") || u.Scheme != base.Scheme && u.Scheme != "https" {
			continue
		}
		if strings.HasSuffix("."+strings.ToLower(u.Hostname()), "."+s.keyHost) {
			if origin := u.Scheme + "://" + u.Host; !slices.Contains(origins, origin) {
				origins = append(origins, origin)
			}
		}
	}
	w, err := s.webauthn(s.keyHost, app.Name, origins)
	return w, origins, err
}

func (s *Signin) webauthn(host, name string, origins []string) (*webauthn.WebAuthn, error) {
	if name == "" {
		name = host
	}
	timeout := webauthn.TimeoutConfig{Timeout: passkeyLife, TimeoutUVD: passkeyLife}
	return webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: name, RPOrigins: origins,
		AttestationPreference: protocol.PreferNoAttestation,
		Timeouts:              webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// Password managers answer with extensions that nobody asked for; none of them decides anything here.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// holder is a user as the library asks for one. The handle in authenticators is the user's identifier, which says nothing about them.
type holder struct {
	user *directory.User
	keys []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return []byte(h.user.ID) }
func (h holder) WebAuthnDisplayName() string                { return h.user.DisplayName() }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }
func (h holder) WebAuthnName() string {
	for _, name := range []string{h.user.Username, h.user.Email, h.user.Phone} {
		if name != "" {
			return name
		}
	}
	return h.user.DisplayName()
}

func passkeyContext(k *Passkey) string { return "pool/" + k.PoolID + "/passkey/" + k.CredentialID }

func (s *Signin) sealPasskey(k *Passkey, c *webauthn.Credential) error {
	c.Attestation = webauthn.CredentialAttestation{} // none was asked for
	plain, err := json.Marshal(c)
	if err != nil {
		return err
	}
	k.Record, k.SignCount = s.master.Seal(plain, passkeyContext(k)), int64(c.Authenticator.SignCount)
	return nil
}

func (s *Signin) openPasskey(k *Passkey) (*webauthn.Credential, error) {
	plain, err := s.master.Open(k.Record, passkeyContext(k))
	if err != nil {
		return nil, err
	}
	c := new(webauthn.Credential)
	err = json.Unmarshal(plain, c)
	return c, err
}

// holderOf is the user with those of their passkeys that work on host.
func (s *Signin) holderOf(ctx context.Context, u *directory.User, host string) (holder, error) {
	keys, err := s.passkeysOf(ctx, u.PoolID, u.ID)
	if err != nil {
		return holder{}, err
	}
	h := holder{user: u}
	for i := range keys {
		if keys[i].RPID != host {
			continue
		}
		c, err := s.openPasskey(&keys[i])
		if err != nil {
			return h, err
		}
		h.keys = append(h.keys, *c)
	}
	return h, nil
}

// begin keeps a ceremony and returns its first half.
func (s *Signin) beginPasskey(ctx context.Context, app *Application, c ceremony, session *webauthn.SessionData, options any) (*PasskeyOptions, error) {
	kept, err := json.Marshal(session)
	if err != nil {
		return nil, err
	}
	c.Session = string(kept)
	o := new(PasskeyOptions)
	if o.PublicKey, err = json.Marshal(options); err != nil {
		return nil, err
	}
	o.Ticket, err = s.IssueTicket(ctx, app.PoolID, TicketPasskey, passkeyLife, TicketFor{UserID: c.UserID, AppID: app.ID}, c)
	return o, err
}

// spendPasskey takes a ceremony, which is over with that whatever comes of it.
func (s *Signin) spendPasskey(ctx context.Context, app *Application, ticket, purpose string) (ceremony, webauthn.SessionData, error) {
	var c ceremony
	var session webauthn.SessionData
	t, err := s.SpendTicket(ctx, TicketPasskey, ticket, &c)
	switch {
	case errors.Is(err, ErrTicketInvalid), errors.Is(err, ErrTicketUsed):
		return c, session, ErrPasskeyTicket.Because(err)
	case err != nil:
		return c, session, err
	case c.For != purpose, t.AppID != app.ID, t.PoolID != app.PoolID:
		return c, session, ErrPasskeyTicket
	}
	return c, session, json.Unmarshal([]byte(c.Session), &session)
}

// StartPasskey begins to register a passkey of the user. A second factor is one that will be asked for beside a password; others are
// to sign in with, so that whoever holds them has to be verified by the device.
func (s *Signin) StartPasskey(ctx context.Context, app *Application, u *directory.User, secondFactor bool) (*PasskeyOptions, error) {
	return s.startPasskey(ctx, app, u, ceremony{SecondFactor: secondFactor})
}

func (s *Signin) startPasskey(ctx context.Context, app *Application, u *directory.User, c ceremony) (*PasskeyOptions, error) {
	w, origins, err := s.relyingParty(app)
	if err != nil {
		return nil, err
	}
	h, err := s.holderOf(ctx, u, w.Config.RPID)
	if err != nil {
		return nil, err
	}
	verification := protocol.VerificationRequired
	if c.SecondFactor {
		verification = protocol.VerificationPreferred
	}
	options, session, err := w.BeginRegistration(h,
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: verification}),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation),
		webauthn.WithExclusions(webauthn.Credentials(h.keys).CredentialDescriptors()))
	if err != nil {
		return nil, err
	}
	c.For, c.Origins, c.UserID = passkeyRegister, origins, u.ID
	return s.beginPasskey(ctx, app, c, session, options.Response)
}

// FinishPasskey registers the passkey that a browser made. credential is its RegistrationResponseJSON; kind is what the client says
// unlocks it, name what the user calls it, both may be empty. The user must be the one who began.
func (s *Signin) FinishPasskey(ctx context.Context, app *Application, u *directory.User, ticket string, credential []byte, kind, name string) (*Passkey, error) {
	c, session, err := s.spendPasskey(ctx, app, ticket, passkeyRegister)
	if err != nil {
		return nil, err
	}
	if c.Flow != "" {
		return nil, ErrPasskeyTicket
	}
	return s.finishPasskey(ctx, app, u, c, session, credential, kind, name)
}

func (s *Signin) finishPasskey(ctx context.Context, app *Application, u *directory.User, c ceremony, session webauthn.SessionData, credential []byte, kind, name string) (*Passkey, error) {
	if c.UserID != u.ID {
		return nil, ErrPasskeyWrong
	}
	if len(credential) > longestKey {
		return nil, fault.Field("credential")
	}
	if err := directory.CheckText("name", name, 128); name != "" && err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(credential)
	if err != nil {
		return nil, fault.Field("credential").Because(err)
	}
	w, err := s.webauthn(session.RelyingPartyID, app.Name, c.Origins)
	if err != nil {
		return nil, err
	}
	made, err := w.CreateCredential(holder{user: u}, session, parsed)
	if err != nil {
		return nil, ErrPasskeyWrong.Because(err)
	}
	if len(made.ID) > 1023 {
		return nil, fault.Field("credential")
	}
	k := &Passkey{PoolID: u.PoolID, ID: s.db.NewID(), UserID: u.ID, CredentialID: base64.RawURLEncoding.EncodeToString(made.ID),
		RPID: session.RelyingPartyID, Name: strings.TrimSpace(name), Kind: kind, SecondFactor: c.SecondFactor, AppID: app.ID, CreatedAt: s.db.Now()}
	if err := s.sealPasskey(k, made); err != nil {
		return nil, err
	}
	return k, s.db.Tx(ctx, func(ctx context.Context) error {
		had, err := db.One[int64](ctx, s.db, "select count(*) from passkeys where pool_id = ? and user_id = ?", u.PoolID, u.ID)
		if err != nil {
			return err
		}
		if had >= mostPasskeys {
			return fault.New(fault.Unprocessable, "passkey_limit", strconv.Itoa(mostPasskeys))
		}
		if k.Name == "" {
			k.Name = "Passkey " + strconv.FormatInt(had+1, 10)
		}
		if err := db.Insert(ctx, s.db, "passkeys", k); err != nil {
			if db.IsUnique(err, "passkeys", "credential_id") {
				return ErrPasskeyTaken
			}
			return err
		}
		if c.SecondFactor {
			if err := s.forgetDevices(ctx, u.PoolID, u.ID); err != nil {
				return err
			}
		}
		return s.log.Add(ctx, u.PoolID, audit.Event{Operation: audit.Add, Resource: audit.UserLogin, TargetID: k.ID, TargetName: k.Name, UserID: u.ID,
			UserEvent: eventBind, After: map[string]any{"factorType": string(FactorPasskey), "secondFactor": c.SecondFactor}})
	})
}

// StartPasskeyLogin begins a sign-in by passkey. With no account the browser offers what it has; with one only that user's passkeys
// are asked for. An account that does not exist, or has none, is answered with a passkey that nobody has, always the same.
func (s *Signin) StartPasskeyLogin(ctx context.Context, app *Application, account string) (*PasskeyOptions, error) {
	w, origins, err := s.relyingParty(app)
	if err != nil {
		return nil, err
	}
	c := ceremony{For: passkeyLogin, Origins: origins}
	verified := webauthn.WithUserVerification(protocol.VerificationRequired)
	if account == "" {
		options, session, err := w.BeginDiscoverableLogin(verified)
		if err != nil {
			return nil, err
		}
		return s.beginPasskey(ctx, app, c, session, options.Response)
	}
	h := holder{user: &directory.User{PoolID: app.PoolID, ID: "nobody"}}
	u, err := s.dir.UserByPrincipals(ctx, app.PoolID, directory.Principals{Username: account, Email: strings.ToLower(account), Phone: account})
	if err != nil && fault.As(err) == nil {
		return nil, err
	}
	if err != nil {
		u = h.user // the same work for nobody
	}
	if h, err = s.holderOf(ctx, u, w.Config.RPID); err != nil {
		return nil, err
	}
	if len(h.keys) == 0 {
		h.user = &directory.User{PoolID: app.PoolID, ID: "nobody"}
		h.keys = []webauthn.Credential{{ID: s.master.Derive("passkey-of-nobody/"+app.PoolID+"/"+strings.ToLower(account), 32),
			Transport: []protocol.AuthenticatorTransport{protocol.Internal, protocol.Hybrid}}}
	} else {
		c.UserID = u.ID
	}
	options, session, err := w.BeginLogin(h, verified)
	if err != nil {
		return nil, err
	}
	return s.beginPasskey(ctx, app, c, session, options.Response)
}

// PasskeyLogin finishes a sign-in by passkey: credential is the browser's AuthenticationResponseJSON. The device has verified its
// holder, so that no second factor is asked for. proof says what else is known of the sign-in; its AMR is set here.
func (s *Signin) PasskeyLogin(ctx context.Context, app *Application, ticket string, credential []byte, proof Proof) (*Outcome, error) {
	c, session, err := s.spendPasskey(ctx, app, ticket, passkeyLogin)
	if err != nil {
		return nil, err
	}
	k, u, err := s.provePasskey(ctx, app, c, session, credential)
	if err != nil {
		return nil, err
	}
	proof.AMR = []string{k.amr(), AMRMulti}
	return s.Establish(ctx, app, u, proof)
}

// usedPasskey is a passkey that has just proven its holder.
type usedPasskey struct {
	*Passkey
	shared bool
}

func (k usedPasskey) amr() string {
	if k.shared {
		return AMRSoftware
	}
	return AMRHardware
}

// provePasskey checks a browser's answer and notes the use of the passkey: of answers with one counter, one counts.
func (s *Signin) provePasskey(ctx context.Context, app *Application, c ceremony, session webauthn.SessionData, credential []byte) (usedPasskey, *directory.User, error) {
	var used usedPasskey
	var u *directory.User
	if len(credential) > longestKey {
		return used, nil, fault.Field("credential")
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(credential)
	if err != nil {
		return used, nil, fault.Field("credential").Because(err)
	}
	w, err := s.webauthn(session.RelyingPartyID, app.Name, c.Origins)
	if err != nil {
		return used, nil, err
	}
	cloned := false
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		cloned = false
		k, err := db.One[Passkey](ctx, s.db, selectPasskey+"credential_id = ? for update", app.PoolID, base64.RawURLEncoding.EncodeToString(parsed.RawID))
		if errors.Is(err, db.NoRow) || err == nil && (k.RPID != session.RelyingPartyID || c.UserID != "" && k.UserID != c.UserID) {
			return ErrPasskeyWrong
		}
		if err != nil {
			return err
		}
		if u, err = s.dir.User(ctx, app.PoolID, directory.ByID(k.UserID)); err != nil {
			if fault.KindOf(err) == fault.NotFound {
				return ErrPasskeyWrong
			}
			return err
		}
		h, err := s.holderOf(ctx, u, k.RPID)
		if err != nil {
			return err
		}
		var after *webauthn.Credential
		if len(session.UserID) > 0 {
			after, err = w.ValidateLogin(h, session, parsed)
		} else {
			after, err = w.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
				if !bytes.Equal(handle, h.WebAuthnID()) {
					return nil, ErrPasskeyWrong
				}
				return h, nil
			}, session, parsed)
		}
		if err != nil {
			return ErrPasskeyWrong.Because(err)
		}
		used = usedPasskey{&k, after.Flags.BackupEligible}
		if after.Authenticator.CloneWarning {
			cloned, k.ClonedAt = true, s.db.Now()
			if _, err := db.Exec(ctx, s.db, "update passkeys set cloned_at = ? where pool_id = ? and id = ?", k.ClonedAt, k.PoolID, k.ID); err != nil {
				return err
			}
			return s.log.Add(ctx, k.PoolID, audit.Event{Operation: audit.Disable, Resource: audit.UserLogin, TargetID: k.ID, TargetName: k.Name, UserID: k.UserID,
				UserEvent: eventVerify, Failed: true, After: map[string]any{"cloneWarning": true, "counter": int64(parsed.Response.AuthenticatorData.Counter), "known": k.SignCount}})
		}
		if err := s.sealPasskey(&k, after); err != nil {
			return err
		}
		k.UsedAt = s.db.Now()
		_, err = db.Exec(ctx, s.db, "update passkeys set record = ?, sign_count = ?, used_at = ? where pool_id = ? and id = ?",
			k.Record, k.SignCount, k.UsedAt, k.PoolID, k.ID)
		return err
	})
	if err == nil && cloned {
		err = ErrPasskeyCloned
	}
	return used, u, err
}

// KnownPasskeys are those of the credential identifiers that are passkeys of the user, in the order asked.
func (s *Signin) KnownPasskeys(ctx context.Context, poolID, userID string, ids []string) ([]string, error) {
	keys, err := s.passkeysOf(ctx, poolID, userID)
	if err != nil {
		return nil, err
	}
	known := []string{}
	for _, id := range ids {
		if slices.ContainsFunc(keys, func(k Passkey) bool { return k.CredentialID == id || k.ID == id }) {
			known = append(known, id)
		}
	}
	return known, nil
}

// startPasskeyVerify begins to ask for one of the user's passkeys as the second factor of f.
func (s *Signin) startPasskeyVerify(ctx context.Context, f *Flow) (*PasskeyOptions, error) {
	w, origins, err := s.relyingParty(f.App)
	if err != nil {
		return nil, err
	}
	h, err := s.holderOf(ctx, f.User, w.Config.RPID)
	if err != nil {
		return nil, err
	}
	if len(h.keys) == 0 {
		return nil, ErrFactorRefused
	}
	options, session, err := w.BeginLogin(h, webauthn.WithUserVerification(protocol.VerificationPreferred))
	if err != nil {
		return nil, err
	}
	return s.beginPasskey(ctx, f.App, ceremony{For: passkeyVerify, Origins: origins, UserID: f.User.ID, Flow: hashOf(f.Handle)}, session, options.Response)
}
