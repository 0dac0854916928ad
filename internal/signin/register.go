package signin

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// Registration is an account that somebody makes for themselves.
type Registration struct {
	// What the account is registered by: a user name, an e-mail address, a phone number, or the value Account of the custom field
	// Field. With Passcode it is the e-mail address or the number that the code was sent to.
	Username, Email, Phone, PhoneCountryCode string
	Field, Account                           string

	Password string // plain; may be empty beside a Passcode
	Passcode string // for PurposeRegister

	// Profile is what the person says of themselves: only the fields that people may write, and e-mail and number with a proof.
	Profile directory.UserInput
	Custom  map[string]jsontext.Value
	// EmailProof and PhoneProof show that a second address in Profile is the person's own: the code that was sent to it
	// (PurposeComplete), or a token of ProveAddress.
	EmailProof, PhoneProof string

	// Agreements are those accepted; nil where the wire has no word for them, and then none is asked for.
	Agreements []int64

	// Auto says that a sign-in by code makes the account because there is none: the code has been spent by it.
	Auto bool
}

// Errors of registration.
var (
	ErrRegisterShut      = fault.New(fault.Forbidden, "register_disabled")
	ErrRegisterMethodOff = fault.New(fault.Forbidden, "register_method_off")
	ErrRegisterTooOften  = fault.New(fault.Throttled, "register_too_often")
	ErrNotWhitelisted    = fault.New(fault.Forbidden, "register_not_whitelisted")
	ErrPasswordMissing   = fault.New(fault.Invalid, "password_missing")
	ErrUserExists        = fault.New(fault.Conflict, "user_exists")
	ErrAgreementMissing  = fault.New(fault.Invalid, "agreement_missing")
	ErrEmailUnproven     = fault.New(fault.Forbidden, "email_not_writable")
	ErrPhoneUnproven     = fault.New(fault.Forbidden, "phone_not_writable")
	ErrRegisterNoAccount = fault.New(fault.Invalid, "register_account_missing")
)

// identifies are the fields among ownFields by which a person is known elsewhere.
var identifies = map[string]bool{"externalId": true, "identityNumber": true}

// ErrFieldNotWritable says that people may not write a field of themselves: Forbidden "field_not_writable" (field).
func ErrFieldNotWritable(field string) *fault.Error {
	return fault.New(fault.Forbidden, "field_not_writable", field)
}

// ownFields are what people may write of themselves, by their names on the wire, unless the pool's settings of a field say no.
// Everything else is an administrator's, and what names a person has verbs of its own.
var ownFields = map[string]bool{
	"username": true, "name": true, "nickname": true, "photo": true, "gender": true, "birthdate": true, "country": true, "province": true,
	"city": true, "locality": true, "region": true, "address": true, "streetAddress": true, "formatted": true, "postalCode": true, "company": true,
	"givenName": true, "familyName": true, "middleName": true, "profile": true, "preferredUsername": true, "website": true, "zoneinfo": true,
	"locale": true, "identityNumber": true, "externalId": true,
	// Where they sit, which no field's settings are about.
	"browser": true, "device": true,
}

// Register makes an account for somebody who stands at an application's door, and returns its user: by password, by a code sent to
// an e-mail address or a number, or by the value of a custom field. It signs nobody in: Establish does.
//
// What is taken is ErrUserExists where the account is registered by it, and the directory's Conflict elsewhere. Other refusals:
// ErrRegisterShut, ErrRegisterMethodOff, ErrRegisterTooOften (from one address, as the pool bounds it), ErrNotWhitelisted, the password policy's,
// ErrAgreementMissing, ErrPasscodeWrong and ErrPasscodeExpired, ErrFieldNotWritable, ErrEmailUnproven, ErrPhoneUnproven.
func (s *Signin) Register(ctx context.Context, app *Application, r Registration) (*directory.User, error) {
	ctx = at(ctx, app)
	// A name that is taken says who is there: it counts with the questions of AccountKnown, but for programs that have shown a secret.
	ip := asker(ctx)
	if ip != "" && s.lookups.spent(caller.From(ctx).ClientIP, time.Now()) {
		return nil, ErrLookupsTooMany
	}
	u, err := s.register(ctx, app, r)
	if ip != "" && fault.KindOf(err) == fault.Conflict {
		s.lookups.allow(caller.From(ctx).ClientIP, time.Now())
	}
	return u, err
}

func (s *Signin) register(ctx context.Context, app *Application, r Registration) (*directory.User, error) {
	if !app.Enabled {
		return nil, ErrAppDisabled
	}
	policy, err := s.Policy(ctx, app)
	if err != nil {
		return nil, err
	}
	if policy.RegisterShut {
		return nil, ErrRegisterShut
	}
	// Where signing in makes the account, the way to sign in is the way to register.
	if !(r.Auto && app.Settings.MergeRegister) && !app.AllowsRegister(r.method()) {
		return nil, ErrRegisterMethodOff
	}
	n, by, err := s.newAccount(ctx, app, &r)
	if err != nil {
		return nil, err
	}
	if err := s.checkRegistration(ctx, app, policy, &r, n); err != nil {
		return nil, err
	}
	proofs, err := s.registrationProofs(ctx, app, &r, n)
	if err != nil {
		return nil, err
	}
	if n.Password, err = s.preparedPassword(ctx, app.PoolID, r.Password); err != nil {
		return nil, err
	}
	var u *directory.User
	err = s.db.Tx(ctx, func(ctx context.Context) error {
		for _, spend := range proofs {
			if err := spend(ctx); err != nil {
				return err
			}
		}
		var err error
		if u, err = s.dir.CreateUser(ctx, app.PoolID, *n); err != nil {
			return err
		}
		return s.welcome(ctx, app, u)
	})
	if e := fault.As(err); e != nil && (e.Code == by+"_taken" || e.Code == "field_taken" && r.Field != "") {
		return nil, ErrUserExists.Because(err)
	}
	return u, err
}

// method is what the registration is by, in the words of an application's settings.
func (r *Registration) method() string {
	code := r.Passcode != "" || r.Auto
	switch {
	case r.Email != "" && code:
		return LoginEmailCode
	case r.Email != "":
		return LoginEmailPassword
	case r.Phone != "" && code:
		return LoginPhoneCode
	case r.Phone != "":
		return LoginPhonePassword
	}
	return LoginUsernamePassword // custom fields too: they name a person as a user name does
}

// at is ctx as that of a request at the application's door: what is done there is told of it.
func at(ctx context.Context, app *Application) context.Context {
	c := caller.From(ctx)
	if c.PoolID == app.PoolID && c.AppID != "" {
		return ctx
	}
	d := *c
	d.PoolID, d.AppID = app.PoolID, app.ID
	return caller.With(ctx, &d)
}

// preparedPassword hashes a plain password; nil for none.
func (s *Signin) preparedPassword(ctx context.Context, poolID, plain string) (*directory.PasswordInput, error) {
	if plain == "" {
		return nil, nil
	}
	return s.dir.Prepared(ctx, poolID, directory.PasswordInput{Text: plain})
}

// newAccount is the user that a registration asks for, and by what: "username", "email", "phone", or "" for a custom field.
func (s *Signin) newAccount(ctx context.Context, app *Application, r *Registration) (n *directory.NewUser, by string, err error) {
	if err := s.checkOwn(ctx, app, &r.Profile, &directory.User{PhoneCountryCode: r.PhoneCountryCode, Gender: "U"}, true); err != nil {
		return nil, "", err
	}
	n = &directory.NewUser{UserInput: r.Profile, SourceType: "register", Event: "register", Agreements: r.Agreements}
	n.Strict = true
	pool, err := s.dir.Pool(ctx, app.PoolID)
	if err != nil {
		return nil, "", err
	}
	verified := r.Passcode != "" || r.Auto
	custom := r.Custom
	switch {
	case r.Email != "":
		by = "email"
		email := strings.ToLower(r.Email)
		sure := verified || pool.Settings.EmailVerifiedDefault != nil && *pool.Settings.EmailVerifiedDefault
		n.Email, n.EmailVerified = &email, &sure
	case r.Phone != "":
		by = "phone"
		n.Phone, n.PhoneVerified = &r.Phone, &verified
		if n.PhoneCountryCode = nil; r.PhoneCountryCode != "" {
			n.PhoneCountryCode = &r.PhoneCountryCode
		}
	case r.Field != "" && r.Account != "":
		value, err := jsontext.AppendQuote(nil, r.Account)
		if err != nil {
			return nil, "", fault.Field("account")
		}
		if err := s.needUniqueField(ctx, app.PoolID, r.Field); err != nil {
			return nil, "", err
		}
		custom = maps.Clone(r.Custom)
		if custom == nil {
			custom = map[string]jsontext.Value{}
		}
		custom[r.Field] = value
	case r.Username != "":
	default:
		return nil, "", ErrRegisterNoAccount
	}
	if r.Username != "" {
		if by == "" && r.Field == "" {
			by = "username"
		}
		n.Username = &r.Username
	}
	n.Custom = custom
	n.RegisterSource = []string{"basic:" + cmp.Or(by, r.Field)}
	return n, by, nil
}

// checkUsername refuses a user name that u chooses and others could be found by: whoever signs in by an address must not meet somebody who
// has made it their name. One's own address may be one's name.
func (s *Signin) checkUsername(ctx context.Context, poolID, name string, u *directory.User) error {
	switch {
	case strings.TrimSpace(name) == "":
		return fault.Field("username")
	case strings.EqualFold(name, u.Email), name == u.Phone:
		return nil
	}
	if _, err := directory.MailAddress(name); err == nil {
		return fault.Field("username")
	}
	if strings.Trim(name, "0123456789 +-().") != "" {
		return nil
	}
	found, err := s.dir.UserByPrincipals(ctx, poolID, directory.Principals{Phone: name})
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return nil
	case err == nil && found.ID != u.ID:
		return directory.ErrUsernameTaken
	}
	return err
}

// needUniqueField refuses to register by a custom field that does not tell people apart.
func (s *Signin) needUniqueField(ctx context.Context, poolID, key string) error {
	fields, err := s.dir.Fields(ctx, poolID, directory.UserTarget)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(fields, func(f directory.Field) bool { return f.Key == key })
	if at < 0 || !fields[at].Unique {
		return fault.Field("account")
	}
	return nil
}

// checkRegistration holds a registration against the pool's and the application's rules. What costs a look into the directory comes
// after the bound on how often one address may.
func (s *Signin) checkRegistration(ctx context.Context, app *Application, policy *Policy, r *Registration, n *directory.NewUser) error {
	if r.Password != "" {
		if err := s.checkNewPassword(ctx, policy, r.Password, nil, r.Username, r.Email, r.Phone); err != nil {
			return err
		}
	} else if r.Passcode == "" && !r.Auto {
		return ErrPasswordMissing
	}
	if r.Passcode != "" && r.Email == "" && r.Phone == "" {
		return ErrRegisterNoAccount
	}
	if err := s.checkAgreements(ctx, app, AgreeAtRegister, r.Agreements); err != nil {
		return err
	}
	if err := s.checkOwnValues(ctx, app, r.Custom, true); err != nil {
		return err
	}
	if err := s.admitRegistration(ctx, app.PoolID, policy.Register); err != nil {
		return err
	}
	if n.Username != nil {
		own := directory.User{Email: strings.ToLower(r.Email), Phone: r.Phone}
		if err := s.checkUsername(ctx, app.PoolID, *n.Username, &own); errors.Is(err, directory.ErrUsernameTaken) && r.Email == "" && r.Phone == "" {
			return ErrUserExists.Because(err)
		} else if err != nil {
			return err
		}
	}
	return s.checkWhitelists(ctx, app, n)
}

// checkWhitelists asks, where a whitelist is on, that what the account is to have of its type stands on it.
func (s *Signin) checkWhitelists(ctx context.Context, app *Application, n *directory.NewUser) error {
	pool, err := s.dir.Pool(ctx, app.PoolID)
	if err != nil {
		return err
	}
	w := pool.Settings.Whitelist
	if w == nil {
		return nil
	}
	for _, c := range []struct {
		on    *bool
		kind  directory.WhitelistType
		value *string
	}{{w.Username, directory.WhitelistUsername, n.Username}, {w.Email, directory.WhitelistEmail, n.Email}, {w.Phone, directory.WhitelistPhone, n.Phone}} {
		if c.on == nil || !*c.on || c.value == nil || *c.value == "" {
			continue
		}
		ok, err := s.dir.Whitelisted(ctx, app.PoolID, app.ID, c.kind, *c.value)
		if err != nil {
			return err
		}
		if !ok {
			return ErrNotWhitelisted
		}
	}
	return nil
}

// checkAgreements asks that what the application requires at a place is among the accepted, in one language: nobody is shown the others.
func (s *Signin) checkAgreements(ctx context.Context, app *Application, place AgreementPlace, accepted []int64) error {
	if accepted == nil || !app.Settings.AgreementsEnabled {
		return nil
	}
	list, err := s.Agreements(ctx, app.PoolID, app.ID)
	if err != nil {
		return err
	}
	missing := map[string]bool{} // by language
	for _, a := range list {
		if a.Required && (a.AvailableAt == place || a.AvailableAt == AgreeAtBoth) {
			missing[a.Lang] = missing[a.Lang] || !slices.Contains(accepted, a.ID)
		}
	}
	if len(missing) > 0 && !slices.Contains(slices.Collect(maps.Values(missing)), false) {
		return ErrAgreementMissing
	}
	return nil
}

// admitRegistration counts a registration from the caller's address, whatever becomes of it, and refuses those over the bound.
func (s *Signin) admitRegistration(ctx context.Context, poolID string, bound Rate) error {
	from := network(caller.From(ctx).ClientIP)
	if bound.Limit <= 0 || bound.Interval <= 0 || from == "" {
		return nil
	}
	ok := true
	err := s.db.Tx(ctx, func(ctx context.Context) (err error) {
		ok, err = s.take(ctx, poolID, rate{"register/ip/" + s.keyed("ip", from), bound.Limit, time.Duration(bound.Interval) * time.Second})
		return err
	})
	if err == nil && !ok {
		err = ErrRegisterTooOften
	}
	return err
}

// registrationProofs checks the codes and tokens of a registration and returns what spends them, for the transaction that makes the
// account: a registration that fails leaves them to be used again.
func (s *Signin) registrationProofs(ctx context.Context, app *Application, r *Registration, n *directory.NewUser) ([]func(context.Context) error, error) {
	var spends []func(context.Context) error
	if r.Passcode != "" {
		spend, err := s.addressProof(ctx, app, PurposeRegister, Address{Email: r.Email, Phone: r.Phone, PhoneCountryCode: r.PhoneCountryCode}.only(), r.Passcode)
		if err != nil {
			return nil, err
		}
		spends = append(spends, spend)
	}
	yes := true
	if r.Email == "" && n.Email != nil && *n.Email != "" {
		if r.EmailProof == "" {
			return nil, ErrEmailUnproven
		}
		email := strings.ToLower(*n.Email)
		spend, err := s.addressProof(ctx, app, PurposeComplete, Address{Email: email}, r.EmailProof)
		if err != nil {
			return nil, err
		}
		n.Email, n.EmailVerified = &email, &yes
		spends = append(spends, spend)
	}
	if r.Phone == "" && n.Phone != nil && *n.Phone != "" {
		if r.PhoneProof == "" {
			return nil, ErrPhoneUnproven
		}
		to := Address{Phone: *n.Phone}
		if n.PhoneCountryCode != nil {
			to.PhoneCountryCode = *n.PhoneCountryCode
		}
		spend, err := s.addressProof(ctx, app, PurposeComplete, to, r.PhoneProof)
		if err != nil {
			return nil, err
		}
		n.PhoneVerified = &yes
		spends = append(spends, spend)
	}
	return spends, nil
}

// registerProven makes the account of somebody who has proven an address at the door, for a sign-in that may make one.
func (s *Signin) registerProven(ctx context.Context, app *Application, to Address, agreements []int64) (*directory.User, error) {
	return s.Register(ctx, app, Registration{Email: to.Email, Phone: to.Phone, PhoneCountryCode: to.PhoneCountryCode, Agreements: agreements, Auto: true})
}
