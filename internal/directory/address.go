package directory

import (
	"context"
	"strings"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// MailAddress is an address as users are found by it, or fault.Field("email").
func MailAddress(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) > 254 || !validText(s) || !wellFormedEmail(s) {
		return "", fault.Field("email")
	}
	return s, nil
}

// PhoneNumber is a number as +<country><number>, the form that two spellings of one share; without a country it is China's.
// fault.Field("phone") and fault.Field("phoneCountryCode") for what is none.
func PhoneNumber(countryCode, phone string) (string, error) {
	phone, countryCode = strings.TrimSpace(phone), strings.TrimSpace(countryCode)
	if len(phone) > 64 || !wellFormedPhone(phone) {
		return "", fault.Field("phone")
	}
	if countryCode != "" && !wellFormedCountryCode(countryCode) {
		return "", fault.Field("phoneCountryCode")
	}
	return phoneKey(countryCode, phone), nil
}

// SMSProvider returns whom the pool sends its texts through and its configuration, opened: for sending, never for showing. "" when the
// pool has none that is switched on.
func (d *Directory) SMSProvider(ctx context.Context, poolID string) (provider, config string, err error) {
	p, err := db.One[Pool](ctx, d.db, "select "+db.Columns[Pool]()+" from pools where pool_id = ?", poolID)
	if err != nil {
		return "", "", notFound(err, ErrPoolNotFound)
	}
	sms := p.Settings.CustomSMSProvider
	if sms == nil || sms.Enabled == nil || !*sms.Enabled || sms.Provider == nil || *sms.Provider == "" || sms.Config == nil {
		return "", "", nil
	}
	plain, err := d.master.Open(*sms.Config, smsConfigContext(poolID))
	return *sms.Provider, string(plain), err
}
