package signin

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// SignInOrRegister is SignIn for a wire whose sign-in by password makes the account where the attempt says AutoRegister and nobody has the
// name: with that password, and with everything that Register asks for. Of an account that there is it makes nothing.
func (s *Signin) SignInOrRegister(ctx context.Context, app *Application, a Attempt) (*Outcome, error) {
	if a.Method != ByPassword || !a.AutoRegister {
		return s.SignIn(ctx, app, a)
	}
	if !app.Enabled {
		return nil, ErrAppDisabled
	}
	if err := s.checkAgreements(ctx, app, AgreeAtSignIn, a.Agreements); err != nil {
		return nil, err
	}
	who, err := a.principals(app)
	if err != nil {
		return nil, err
	}
	_, err = s.dir.UserByPrincipals(ctx, app.PoolID, who)
	if fault.KindOf(err) != fault.NotFound {
		if err != nil {
			return nil, err
		}
		return s.SignIn(ctx, app, a)
	}
	r := Registration{Username: a.Username, Email: a.Email, Phone: a.Phone, PhoneCountryCode: a.PhoneCountryCode, Password: a.Password,
		Agreements: a.Agreements}
	if a.Account != "" {
		if r.Username = a.Account; isMail(a.Account) {
			r.Username, r.Email = "", a.Account
		}
	}
	u, err := s.Register(ctx, app, r)
	if err != nil {
		return nil, err
	}
	out, err := s.Establish(ctx, app, u, Proof{AMR: []string{AMRPassword}, Cookie: a.Cookie, Device: a.DeviceToken, Direct: a.Direct, Trusted: a.Trusted})
	if out != nil {
		out.New = true
	}
	return out, err
}

func isMail(text string) bool {
	_, err := directory.MailAddress(text)
	return err == nil
}
