package directory

import "github.com/guildhall-id/guildhall/internal/fault"

// Status is a user's account state. Only Activated users get in.
type Status string

// The states of an account. Suspended and Deactivated can be lifted; Resigned is final but for archiving.
const (
	Activated   Status = "Activated"
	Suspended   Status = "Suspended"
	Deactivated Status = "Deactivated"
	Resigned    Status = "Resigned"
	Archived    Status = "Archived"
)

// User is one person of a pool. Empty text and zero times mean "not set": nothing distinguishes an empty value from none.
// Times are unix milliseconds.
type User struct {
	PoolID               string   `db:"pool_id"`
	ID                   string   `db:"id"`
	Status               Status   `db:"status"`
	StatusChangedAt      int64    `db:"status_changed_at,null"`
	WorkStatus           string   `db:"work_status"` // Active | Closed
	Username             string   `db:"username,null"`
	Email                string   `db:"email,null"`
	Phone                string   `db:"phone,null"`
	PhoneCountryCode     string   `db:"phone_country_code,null"`
	PhoneKey             string   `db:"phone_key,null"`
	ExternalID           string   `db:"external_id,null"`
	UnionID              string   `db:"unionid,null"`
	OpenID               string   `db:"openid,null"`
	Name                 string   `db:"name,null"`
	Nickname             string   `db:"nickname,null"`
	Photo                string   `db:"photo,null"`
	Gender               string   `db:"gender"` // M | F | U
	EmailVerified        bool     `db:"email_verified"`
	PhoneVerified        bool     `db:"phone_verified"`
	Birthdate            string   `db:"birthdate,null"`
	Country              string   `db:"country,null"`
	Province             string   `db:"province,null"`
	City                 string   `db:"city,null"`
	Locality             string   `db:"locality,null"`
	Region               string   `db:"region,null"`
	Address              string   `db:"address,null"`
	StreetAddress        string   `db:"street_address,null"`
	PostalCode           string   `db:"postal_code,null"`
	Formatted            string   `db:"formatted,null"`
	Company              string   `db:"company,null"`
	Browser              string   `db:"browser,null"`
	Device               string   `db:"device,null"`
	GivenName            string   `db:"given_name,null"`
	FamilyName           string   `db:"family_name,null"`
	MiddleName           string   `db:"middle_name,null"`
	Profile              string   `db:"profile,null"`
	PreferredUsername    string   `db:"preferred_username,null"`
	Website              string   `db:"website,null"`
	Zoneinfo             string   `db:"zoneinfo,null"`
	Locale               string   `db:"locale,null"`
	OAuth                string   `db:"oauth,null"`
	IdentityNumber       string   `db:"identity_number,null"`
	SourceType           string   `db:"source_type"` // excel | register | adminCreated | sync
	SourceID             string   `db:"source_id,null"`
	RegisterSource       []string `db:"register_source,json,null"`
	DirectManagement     string   `db:"direct_management,null"`
	MainDepartmentID     string   `db:"main_department_id,null"`
	MainDepartmentCode   string   `db:"main_department_code,null"`
	Metadata             string   `db:"metadata,null"`        // JSON, as given
	MetadataSource       string   `db:"metadata_source,null"` // JSON, as given
	TenantID             string   `db:"tenant_id,null"`
	Password             string   `db:"password,null"` // a hash; only the ciphertext endpoints may show it
	PasswordSetAt        int64    `db:"password_set_at,null"`
	PasswordLevel        int64    `db:"password_level,null"` // 1 weak, 2 medium, 3 strong
	ResetPasswordOnLogin bool     `db:"password_reset_on_login"`
	LoginsCount          int64    `db:"logins_count"`
	LastLoginAt          int64    `db:"last_login_at,null"`
	LastLoginIP          string   `db:"last_login_ip,null"`
	LastLoginApp         string   `db:"last_login_app,null"`
	LastMFAAt            int64    `db:"last_mfa_at,null"`
	SignedUpAt           int64    `db:"signed_up_at,null"`
	TokenExpiredAt       int64    `db:"token_expired_at,null"` // as given: no token is valid past it
	TokensAfter          int64    `db:"tokens_after,null"`     // set when an earlier TokenExpiredAt called tokens in
	ExpiredAt            int64    `db:"expired_at,null"`
	IsDeleted            bool     `db:"is_deleted"`
	ArchivedAt           int64    `db:"archived_at,null"`
	CreatedAt            int64    `db:"created_at"`
	UpdatedAt            int64    `db:"updated_at"`
}

// Blocked reports whether an administrator has shut the account; V2 has a flag where V3 has states.
func (u *User) Blocked() bool { return u.Status == Suspended || u.Status == Deactivated }

// DisplayName is the best name there is for a person to read.
func (u *User) DisplayName() string {
	for _, s := range []string{u.Nickname, u.Name, u.Username, u.Email, u.Phone} {
		if s != "" {
			return s
		}
	}
	return u.ID
}

// Errors of users.
var (
	ErrUserNotFound     = fault.New(fault.NotFound, "user_not_found")
	ErrUserResigned     = fault.New(fault.Unprocessable, "user_resigned")
	ErrUserUnidentified = fault.New(fault.Invalid, "user_identifier_missing")
	ErrUsernameTaken    = fault.New(fault.Conflict, "username_taken")
	ErrEmailTaken       = fault.New(fault.Conflict, "email_taken")
	ErrPhoneTaken       = fault.New(fault.Conflict, "phone_taken")
	ErrExternalIDTaken  = fault.New(fault.Conflict, "external_id_taken")
	ErrIdentityTaken    = fault.New(fault.Conflict, "identity_taken")
	ErrIdentityNotFound = fault.New(fault.NotFound, "identity_not_found")
)
