package directory_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func ptr[T any](v T) *T { return &v }

// each runs a test on every engine with a domain and two pools.
func each(t *testing.T, test func(t *testing.T, h *testhall.Hall, p, other testhall.Pool)) {
	testhall.EachEngine(t, func(t *testing.T, d *db.DB) {
		h := testhall.New(t, d)
		test(t, h, h.Pool(t, "one"), h.Pool(t, "two"))
	})
}

func code(err error) string {
	if err == nil {
		return ""
	}
	if e := fault.As(err); e != nil {
		return strings.Join(append([]string{e.Code}, e.Args...), " ")
	}
	return "INTERNAL: " + err.Error()
}

func TestCreateUser(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		keys, err := h.Directory.Keys(ctx, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		_ = keys
		first := directory.NewUser{UserInput: directory.UserInput{Username: ptr("Bob"), Email: ptr("Bob@Example.COM"), Phone: ptr("13800000001"),
			ExternalID: ptr("x1"), Strict: true}, Password: &directory.PasswordInput{Text: "correct horse battery"},
			Custom: map[string]jsontext.Value{"school": jsontext.Value(`"PKU"`), "age": jsontext.Value("22")}}
		u, err := h.Directory.CreateUser(ctx, p.ID, first)
		if err != nil {
			t.Fatal(err)
		}
		if u.Email != "bob@example.com" || u.Username != "Bob" || u.Status != directory.Activated || u.LoginsCount != 0 || u.LastLoginAt != 0 ||
			u.SourceType != "adminCreated" || u.Gender != "U" || u.PasswordLevel == 0 || u.PasswordSetAt == 0 || !strings.HasPrefix(u.Password, "$argon2id$") {
			t.Fatalf("%+v", u)
		}
		got, err := h.Directory.User(ctx, p.ID, directory.ByID(u.ID))
		if err != nil || !reflect.DeepEqual(got, u) {
			t.Fatalf("read back %+v, %v", got, err)
		}
		for _, c := range []struct {
			name string
			user directory.NewUser
			want string
		}{
			{"user name taken", directory.NewUser{UserInput: directory.UserInput{Username: ptr("Bob")}}, "username_taken"},
			{"user names differ by case", directory.NewUser{UserInput: directory.UserInput{Username: ptr("bob")}}, ""},
			{"e-mail taken whatever the case", directory.NewUser{UserInput: directory.UserInput{Email: ptr("BOB@example.com")}}, "email_taken"},
			{"phone taken", directory.NewUser{UserInput: directory.UserInput{Phone: ptr("13800000001")}}, "phone_taken"},
			{"phone taken, country said", directory.NewUser{UserInput: directory.UserInput{Phone: ptr("138-0000-0001"), PhoneCountryCode: ptr("+86")}}, "phone_taken"},
			{"the same number abroad", directory.NewUser{UserInput: directory.UserInput{Phone: ptr("13800000001"), PhoneCountryCode: ptr("+1")}}, ""},
			{"external id taken", directory.NewUser{UserInput: directory.UserInput{Username: ptr("e"), ExternalID: ptr("x1")}}, "external_id_taken"},
			{"nothing names the user", directory.NewUser{UserInput: directory.UserInput{Nickname: ptr("n")}}, "user_identifier_missing"},
			{"a password alone", directory.NewUser{Password: &directory.PasswordInput{Text: "123456"}}, "user_identifier_missing"},
			{"bad e-mail", directory.NewUser{UserInput: directory.UserInput{Email: ptr("nobody"), Strict: true}}, "field_format email"},
			{"bad e-mail, not strict", directory.NewUser{UserInput: directory.UserInput{Email: ptr("nobody")}}, ""},
			{"bad phone", directory.NewUser{UserInput: directory.UserInput{Phone: ptr("call me"), Strict: true}}, "field_format phone"},
			{"international phone", directory.NewUser{UserInput: directory.UserInput{Phone: ptr("212-456-1111"), Strict: true}}, ""},
			{"country without phone", directory.NewUser{UserInput: directory.UserInput{Username: ptr("c"), PhoneCountryCode: ptr("+86"), Strict: true}}, "phone_missing"},
			{"bad gender", directory.NewUser{UserInput: directory.UserInput{Username: ptr("g"), Gender: ptr("X")}}, "field_format gender"},
			{"bad status", directory.NewUser{UserInput: directory.UserInput{Username: ptr("s"), Status: ptr(directory.Status("Gone"))}}, "field_format status"},
			{"NUL", directory.NewUser{UserInput: directory.UserInput{Username: ptr("a\x00b")}}, "field_format username"},
			{"invalid UTF-8", directory.NewUser{UserInput: directory.UserInput{Username: ptr("a\xffb")}}, "field_format username"},
			{"over-long", directory.NewUser{UserInput: directory.UserInput{Username: ptr(strings.Repeat("界", 257))}}, "field_format username"},
			{"longest", directory.NewUser{UserInput: directory.UserInput{Username: ptr(strings.Repeat("界", 256))}}, ""},
			{"undefined custom field", directory.NewUser{UserInput: directory.UserInput{Username: ptr("u")}, Custom: map[string]jsontext.Value{"nope": jsontext.Value("1")}}, "field_undefined nope"},
			{"custom value of the wrong type", directory.NewUser{UserInput: directory.UserInput{Username: ptr("u")}, Custom: map[string]jsontext.Value{"age": jsontext.Value(`"x"`)}}, "field_type age"},
			{"a password that cannot be opened", directory.NewUser{UserInput: directory.UserInput{Username: ptr("u")}, Password: &directory.PasswordInput{Text: "AAAA", Encryption: "rsa"}}, "password_undecryptable"},
			{"a hash of an unknown kind", directory.NewUser{UserInput: directory.UserInput{Username: ptr("u")}, Password: &directory.PasswordInput{Text: "plain", Stored: true}}, "password_hash_unknown"},
			{"too long a password", directory.NewUser{UserInput: directory.UserInput{Username: ptr("u")}, Password: &directory.PasswordInput{Text: strings.Repeat("x", 1025)}}, "field_format password"},
			{"a password of 1 KB", directory.NewUser{UserInput: directory.UserInput{Username: ptr("long")}, Password: &directory.PasswordInput{Text: strings.Repeat("x", 1024)}}, ""},
		} {
			if _, err := h.Directory.CreateUser(ctx, p.ID, c.user); code(err) != c.want {
				t.Errorf("%s: %q, want %q", c.name, code(err), c.want)
			}
			if c.name == "user name taken" {
				if _, err := h.Directory.CreateUser(other.As(ctx), other.ID, first); err != nil {
					t.Errorf("the other pool is another realm: %v", err)
				}
			}
		}
		_, total, err := h.Directory.Users(ctx, p.ID, directory.UserQuery{Page: directory.Page{Page: 1, Limit: 50}})
		if err != nil || total != 7 {
			t.Errorf("%d users, %v", total, err)
		}
		if _, total, _ := h.Directory.Users(ctx, other.ID, directory.UserQuery{}); total != 1 {
			t.Errorf("%d users in the other pool", total)
		}
	})
}

// A batch is made whole or not at all.
func TestCreateUsersIsAtomic(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		ctx := p.As(t.Context())
		list := make([]directory.NewUser, 50)
		for i := range list {
			list[i].Username = ptr(fmt.Sprint("u", i))
			list[i].Custom = map[string]jsontext.Value{"school": jsontext.Value(`"s"`)}
		}
		list[49].Username = ptr("u3")
		if _, err := h.Directory.CreateUsers(ctx, p.ID, list); code(err) != "username_taken" {
			t.Fatal(err)
		}
		if _, total, err := h.Directory.Users(ctx, p.ID, directory.UserQuery{}); total != 0 || err != nil {
			t.Fatalf("%d users are left, %v", total, err)
		}
		if n, _ := db.One[int64](ctx, h.DB, "select (select count(*) from users) + (select count(*) from field_values)"); n != 0 {
			t.Fatalf("%d rows are left", n)
		}
		if _, total, _ := h.Log.List(ctx, p.ID, audit.Filter{Operation: audit.Create, Resource: audit.User}); total != 0 {
			t.Fatalf("%d records are left", total)
		}
		list[49].Username = ptr("u49")
		users, err := h.Directory.CreateUsers(ctx, p.ID, list)
		if err != nil || len(users) != 50 || users[7].Username != "u7" {
			t.Fatal(err)
		}
		if _, total, _ := h.Log.List(ctx, p.ID, audit.Filter{Operation: audit.Create, Resource: audit.User}); total != 50 {
			t.Fatalf("%d records", total)
		}
	})
}

func TestUpdateUser(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		make := func(name string) *directory.User {
			u, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: &name, Nickname: ptr("n")}})
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		u, taken := make("u"), make("taken")
		_ = taken
		update := func(in directory.UserInput) (*directory.User, error) {
			return h.Directory.UpdateUser(ctx, p.ID, directory.ByID(u.ID), directory.UserPatch{UserInput: in})
		}
		for _, c := range []struct {
			name  string
			in    directory.UserInput
			want  string
			holds func(*directory.User) bool
		}{
			{"one field", directory.UserInput{Name: ptr("N")}, "", func(u *directory.User) bool { return u.Name == "N" && u.Nickname == "n" }},
			{"cleared", directory.UserInput{Nickname: ptr("")}, "", func(u *directory.User) bool { return u.Nickname == "" && u.Name == "N" }},
			{"nothing", directory.UserInput{}, "", func(u *directory.User) bool { return u.Name == "N" }},
			{"taken", directory.UserInput{Username: ptr("taken")}, "username_taken", nil},
			{"the last name", directory.UserInput{Username: ptr("")}, "user_identifier_missing", nil},
			{"blocked", directory.UserInput{Blocked: ptr(true)}, "", func(u *directory.User) bool {
				return u.Status == directory.Suspended && u.StatusChangedAt > 0 && u.Blocked()
			}},
			{"let in again", directory.UserInput{Blocked: ptr(false)}, "", func(u *directory.User) bool { return u.Status == directory.Activated }},
			{"deactivated", directory.UserInput{Status: ptr(directory.Deactivated)}, "", func(u *directory.User) bool { return u.Blocked() && u.WorkStatus == "Active" }},
			{"tokens called in", directory.UserInput{TokenExpiredAt: ptr(int64(1600000000000))}, "", func(u *directory.User) bool { return u.TokensAfter > 1600000000000 }},
			{"resigned", directory.UserInput{Status: ptr(directory.Resigned)}, "", func(u *directory.User) bool { return u.WorkStatus == "Closed" }},
			{"resigned for good", directory.UserInput{Status: ptr(directory.Activated)}, "user_resigned", nil},
			{"archived", directory.UserInput{Status: ptr(directory.Archived)}, "", func(u *directory.User) bool { return u.ArchivedAt > 0 }},
		} {
			got, err := update(c.in)
			if code(err) != c.want {
				t.Errorf("%s: %q, want %q", c.name, code(err), c.want)
				continue
			}
			if c.holds != nil {
				read, err := h.Directory.User(ctx, p.ID, directory.ByID(u.ID))
				if err != nil || !c.holds(read) || !reflect.DeepEqual(read, got) {
					t.Errorf("%s: %+v, %v", c.name, read, err)
				}
			}
		}
		records, total, err := h.Log.List(ctx, p.ID, audit.Filter{Resource: audit.User, Operation: audit.Update, Limit: 50})
		if err != nil || total != 7 {
			t.Errorf("%d records of updates, %v", total, err)
		}
		if last := records[len(records)-1]; audit.Text(last.Before) != `{"name":null}` || audit.Text(last.After) != `{"name":"N"}` {
			t.Errorf("record: %s -> %s", audit.Text(last.Before), audit.Text(last.After))
		}
		if _, total, _ = h.Log.List(ctx, p.ID, audit.Filter{Operation: audit.Resign}); total != 1 {
			t.Errorf("%d records of resigning", total)
		}
		if _, err := h.Directory.UpdateUser(ctx, other.ID, directory.ByID(u.ID), directory.UserPatch{}); !errors.Is(err, directory.ErrUserNotFound) {
			t.Errorf("another pool: %v", err)
		}
	})
}

// Changes of different fields at the same time all hold: an update reads what it writes.
func TestConcurrentUpdatesAreNotLost(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		ctx := p.As(t.Context())
		u, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: ptr("u")}})
		if err != nil {
			t.Fatal(err)
		}
		inputs := []directory.UserInput{{Name: ptr("a")}, {Nickname: ptr("a")}, {City: ptr("a")}, {Company: ptr("a")}, {Region: ptr("a")}, {Website: ptr("a")},
			{Locale: ptr("a")}, {Device: ptr("a")}}
		var wg sync.WaitGroup
		for _, in := range inputs {
			wg.Go(func() {
				if _, err := h.Directory.UpdateUser(ctx, p.ID, directory.ByID(u.ID), directory.UserPatch{UserInput: in}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, _ := h.Directory.User(ctx, p.ID, directory.ByID(u.ID))
		if s := got.Name + got.Nickname + got.City + got.Company + got.Region + got.Website + got.Locale + got.Device; s != "aaaaaaaa" {
			t.Fatalf("%q", s)
		}
	})
}

// Of many who ask for one name at the same time, one gets it.
func TestOneNameOneUser(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		var wg sync.WaitGroup
		var made atomic.Int64
		for range 32 {
			wg.Go(func() {
				_, err := h.Directory.CreateUser(p.As(t.Context()), p.ID, directory.NewUser{UserInput: directory.UserInput{Email: ptr("one@example.com")}})
				switch code(err) {
				case "":
					made.Add(1)
				case "email_taken":
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if made.Load() != 1 {
			t.Fatalf("%d users were made", made.Load())
		}
		if _, total, _ := h.Directory.Users(t.Context(), p.ID, directory.UserQuery{}); total != 1 {
			t.Fatalf("%d are counted", total)
		}
	})
}

func TestUserReferences(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		u, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{
			UserInput:  directory.UserInput{Username: ptr("bob"), Email: ptr("bob@example.com"), Phone: ptr("13800000001"), ExternalID: ptr("x1")},
			Custom:     map[string]jsontext.Value{"school": jsontext.Value(`"PKU"`)},
			Identities: []directory.NewIdentity{{ExtIDPID: "idp1", Provider: "lark", Type: "openid", UserIDInIDP: "ou_1"}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(ctx, h.DB, "insert into sync_relations (pool_id, provider, user_id_in_idp, user_id, user_info) values (?, 'lark', 'ou_2', ?, '{}')", p.ID, u.ID); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			ref  directory.UserRef
			want string
		}{
			{directory.UserRef{Value: u.ID}, ""},
			{directory.UserRef{Type: "user_id", Value: u.ID}, ""},
			{directory.UserRef{Type: "username", Value: "bob"}, ""},
			{directory.UserRef{Type: "email", Value: "BOB@example.com"}, ""},
			{directory.UserRef{Type: "phone", Value: "13800000001"}, ""},
			{directory.UserRef{Type: "phone", Value: "+86 13800000001"}, ""},
			{directory.UserRef{Type: "external_id", Value: "x1"}, ""},
			{directory.UserRef{Type: "identity", Value: "idp1:ou_1"}, ""},
			{directory.UserRef{Type: "sync_relation", Value: "lark:ou_2"}, ""},
			{directory.UserRef{Type: "custom_field", Value: "school:PKU"}, ""},
			{directory.UserRef{Type: "username", Value: "Bob"}, "user_not_found"},
			{directory.UserRef{Type: "user_id", Value: "no id at all"}, "user_not_found"},
			{directory.UserRef{Type: "phone", Value: "212-456-1111"}, "user_not_found"},
			{directory.UserRef{Type: "identity", Value: "idp1:ou_2"}, "user_not_found"},
			{directory.UserRef{Type: "custom_field", Value: "school:THU"}, "user_not_found"},
			{directory.UserRef{Type: "email", Value: "bob"}, "field_format userId"},
			{directory.UserRef{Type: "phone", Value: "phone"}, "field_format userId"},
			{directory.UserRef{Type: "identity", Value: "ou_1"}, "field_format userId"},
			{directory.UserRef{Value: ""}, "field_format userId"},
			{directory.UserRef{Value: "a\x00"}, "field_format userId"},
			{directory.UserRef{Type: "shoe_size", Value: "44"}, "field_format userIdType"},
		} {
			got, err := h.Directory.User(ctx, p.ID, c.ref)
			if code(err) != c.want || err == nil && got.ID != u.ID {
				t.Errorf("%v: %q, want %q", c.ref, code(err), c.want)
			}
			if c.want != "" {
				continue
			}
			if _, err := h.Directory.User(ctx, other.ID, c.ref); !errors.Is(err, directory.ErrUserNotFound) {
				t.Errorf("%v in another pool: %v", c.ref, err)
			}
			if users, err := h.Directory.UsersByRefs(ctx, p.ID, []directory.UserRef{{Value: "nobody"}, c.ref, c.ref}); err != nil || len(users) != 2 {
				t.Errorf("%v in a batch: %d, %v", c.ref, len(users), err)
			}
		}
	})
}

func TestDeleteUsers(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		var ids []string
		for i := range 3 {
			u, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: ptr(fmt.Sprint("u", i))},
				Custom:     map[string]jsontext.Value{"school": jsontext.Value(`"PKU"`)},
				TOTP:       &directory.TOTP{Secret: "JBSWY3DPEHPK3PXP"},
				Identities: []directory.NewIdentity{{Provider: "github", UserIDInIDP: fmt.Sprint(i)}}})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, u.ID)
		}
		if _, err := h.Directory.CreateGroup(ctx, p.ID, directory.NewGroup{Code: "g", Name: "g"}); err != nil {
			t.Fatal(err)
		}
		if err := h.Directory.AddMembers(ctx, p.ID, "g", ids); err != nil {
			t.Fatal(err)
		}
		if err := h.Directory.DeleteUsers(other.As(ctx), other.ID, directory.Refs("", ids)); code(err) != "user_not_found" {
			t.Fatal(err)
		}
		if err := h.Directory.DeleteUsers(ctx, p.ID, directory.Refs("", []string{ids[0], "unknown"})); code(err) != "user_not_found" {
			t.Fatal(err)
		}
		if _, total, _ := h.Directory.Users(ctx, p.ID, directory.UserQuery{}); total != 3 {
			t.Fatalf("%d users after a failed deletion", total)
		}
		if err := h.Directory.DeleteUsers(ctx, p.ID, directory.Refs("", []string{ids[0], ids[0], ids[1]})); err != nil {
			t.Fatal(err)
		}
		if _, total, _ := h.Directory.Users(ctx, p.ID, directory.UserQuery{}); total != 1 {
			t.Fatalf("%d users are left", total)
		}
		for _, table := range []string{"users where id", "identities where user_id", "user_factors where user_id", "group_members where user_id", "field_values where target_id"} {
			if n, err := db.One[int64](ctx, h.DB, "select count(*) from "+table+" in (?...)", ids[:2]); n != 0 || err != nil {
				t.Errorf("%s: %d rows are left, %v", table, n, err)
			}
		}
	})
}

func TestUsersQuery(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		if _, err := h.Directory.SetFields(ctx, p.ID, []directory.FieldInput{
			{TargetType: directory.UserTarget, Key: "joined", DataType: "DATETIME"}, {TargetType: directory.UserTarget, Key: "cool", DataType: "BOOLEAN"}}); err != nil {
			t.Fatal(err)
		}
		custom := func(school string, age int, joined string, cool bool) map[string]jsontext.Value {
			return map[string]jsontext.Value{"school": jsontext.Value(fmt.Sprintf("%q", school)), "age": jsontext.Value(fmt.Sprint(age)),
				"joined": jsontext.Value(fmt.Sprintf("%q", joined)), "cool": jsontext.Value(fmt.Sprint(cool))}
		}
		for _, n := range []directory.NewUser{
			{UserInput: directory.UserInput{Username: ptr("anna"), Email: ptr("anna@a.org"), Name: ptr("安娜"), Gender: ptr("F"), LoginsCount: ptr(int64(5)),
				LastLoginAt: ptr(int64(1700000000000)), City: ptr("Köln")}, Custom: custom("PKU", 20, "2020-01-01T00:00:00Z", true)},
			{UserInput: directory.UserInput{Username: ptr("bert"), Email: ptr("bert@b.org"), Phone: ptr("13800000002"), Gender: ptr("M"), LoginsCount: ptr(int64(1)), Company: ptr("100% pure_x")},
				Custom: custom("THU", 30, "2021-01-01T00:00:00Z", false)},
			{UserInput: directory.UserInput{Username: ptr("carl"), Email: ptr("carl@c.org"), Status: ptr(directory.Suspended), EmailVerified: ptr(true)},
				Identities: []directory.NewIdentity{{ExtIDPID: "idp", Provider: "lark", UserIDInIDP: "1"}}},
			{UserInput: directory.UserInput{Username: ptr("Dora"), LastLoginAt: ptr(int64(1600000000000))}},
		} {
			if _, err := h.Directory.CreateUser(ctx, p.ID, n); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.Directory.CreateUser(ctx, other.ID, directory.NewUser{UserInput: directory.UserInput{Username: ptr("anna2"), Email: ptr("x@a.org")}}); err != nil {
			t.Fatal(err)
		}
		f := func(field, operator, value string) directory.UserQuery {
			return directory.UserQuery{Filters: []directory.Filter{{Field: field, Operator: operator, Value: jsontext.Value(value)}}}
		}
		for _, c := range []struct {
			name string
			q    directory.UserQuery
			want string // user names by creation, newest first unless sorted; or a refusal
		}{
			{"all", directory.UserQuery{}, "Dora carl bert anna"},
			{"page 2", directory.UserQuery{Page: directory.Page{Page: 2, Limit: 3}}, "anna"},
			{"page 3", directory.UserQuery{Page: directory.Page{Page: 3, Limit: 3}}, ""},
			{"keywords", directory.UserQuery{Keywords: "AR"}, "carl"},
			{"keywords with wildcards", directory.UserQuery{Keywords: "%", SearchOn: []string{"company"}}, "bert"},
			{"underscore is no wildcard", directory.UserQuery{Keywords: "e_x", SearchOn: []string{"company"}}, "bert"},
			{"CJK", directory.UserQuery{Keywords: "娜"}, "anna"},
			{"not among the fields", directory.UserQuery{Keywords: "pure"}, ""},
			{"unknown field to search", directory.UserQuery{Keywords: "x", SearchOn: []string{"password"}}, "!field_format fuzzySearchOn"},
			{"keywords of 10,000", directory.UserQuery{Keywords: strings.Repeat("x", 10000)}, "!field_format keywords"},
			{"status", directory.UserQuery{Status: directory.Suspended}, "carl"},
			{"EQUAL", f("username", "EQUAL", `"bert"`), "bert"},
			{"EQUAL e-mail folds", f("email", "EQUAL", `"BERT@b.org"`), "bert"},
			{"NOT_EQUAL", f("username", "NOT_EQUAL", `"bert"`), "Dora carl anna"},
			{"NOT_EQUAL of what is not set", f("city", "NOT_EQUAL", `"Bonn"`), "Dora carl bert anna"},
			{"CONTAINS", f("email", "CONTAINS", `"B.OR"`), "bert"},
			{"NOT_CONTAINS", f("email", "NOT_CONTAINS", `"b."`), "Dora carl anna"},
			{"IS_NULL", f("email", "IS_NULL", ``), "Dora"},
			{"NOT_NULL", f("lastLogin", "NOT_NULL", ``), "Dora anna"},
			{"IN", f("username", "IN", `["anna","carl"]`), "carl anna"},
			{"IN nothing", f("username", "IN", `[]`), ""},
			{"GREATER number", f("loginsCount", "GREATER", `1`), "anna"},
			{"LESSER number", f("loginsCount", "LESSER", `1`), "Dora carl"},
			{"BETWEEN", f("loginsCount", "BETWEEN", `[1,5]`), "bert anna"},
			{"GREATER time", f("lastLogin", "GREATER", `"2022-01-01T00:00:00Z"`), "anna"},
			{"LESSER ms", f("lastLoginTime", "LESSER", `1650000000000`), "Dora"},
			{"boolean", f("emailVerified", "EQUAL", `true`), "carl"},
			{"id", f("id", "IN", `["x"]`), ""},
			{"identity", f("identity", "EQUAL", `"idp:1"`), "carl"},
			{"no identity", f("identity", "IS_NULL", ``), "Dora bert anna"},
			{"department", f("department", "IN", `[{"organizationCode":"o","departmentId":"root"}]`), ""},
			{"custom EQUAL", f("school", "EQUAL", `"PKU"`), "anna"},
			{"custom NOT_EQUAL", f("school", "NOT_EQUAL", `"PKU"`), "Dora carl bert"},
			{"custom CONTAINS", f("school", "CONTAINS", `"k"`), "anna"},
			{"custom NOT_CONTAINS", f("school", "NOT_CONTAINS", `"k"`), "Dora carl bert"},
			{"custom IS_NULL", f("school", "IS_NULL", ``), "Dora carl"},
			{"custom NOT_NULL", f("school", "NOT_NULL", ``), "bert anna"},
			{"custom IN", f("school", "IN", `["PKU","THU"]`), "bert anna"},
			{"custom IN nothing", f("school", "IN", `[]`), ""},
			{"custom GREATER", f("age", "GREATER", `20`), "bert"},
			{"custom LESSER", f("age", "LESSER", `20.5`), "anna"},
			{"custom BETWEEN", f("age", "BETWEEN", `[20,30]`), "bert anna"},
			{"custom number EQUAL", f("age", "EQUAL", `30`), "bert"},
			{"custom time", f("joined", "GREATER", `"2020-06-01T00:00:00Z"`), "bert"},
			{"custom boolean", f("cool", "EQUAL", `true`), "anna"},
			{"two filters", directory.UserQuery{Filters: []directory.Filter{{"gender", "EQUAL", jsontext.Value(`"F"`)}, {"age", "LESSER", jsontext.Value("25")}}}, "anna"},
			{"sort", directory.UserQuery{Sort: []directory.Sort{{"username", false}}}, "Dora anna bert carl"},
			{"sort, what is not set last", directory.UserQuery{Sort: []directory.Sort{{"lastLogin", false}}}, "Dora anna bert carl"},
			{"sort descending, what is not set last", directory.UserQuery{Sort: []directory.Sort{{"lastLogin", true}}}, "anna Dora carl bert"},
			{"two keys", directory.UserQuery{Sort: []directory.Sort{{"gender", false}, {"loginsCount", true}}}, "anna bert Dora carl"},
			{"sort by an unknown field", directory.UserQuery{Sort: []directory.Sort{{"password", false}}}, "!field_format sort"},
			{"unknown field", f("password", "EQUAL", `"x"`), "!field_format advancedFilter"},
			{"SQL", f("id = id or 1", "EQUAL", `"x"`), "!field_format advancedFilter"},
			{"unknown operator", f("username", "LIKE", `"x"`), "!field_format advancedFilter"},
			{"wrong type", f("loginsCount", "EQUAL", `"many"`), "!field_format advancedFilter"},
			{"wrong type of text", f("username", "EQUAL", `5`), "!field_format advancedFilter"},
			{"no value", f("username", "EQUAL", ``), "!field_format advancedFilter"},
			{"object", f("username", "EQUAL", `{}`), "!field_format advancedFilter"},
			{"BETWEEN one", f("loginsCount", "BETWEEN", `[1]`), "!field_format advancedFilter"},
			{"IN no list", f("username", "IN", `"anna"`), "!field_format advancedFilter"},
			{"CONTAINS of a number", f("loginsCount", "CONTAINS", `"1"`), "!field_format advancedFilter"},
			{"time that is none", f("lastLogin", "GREATER", `"soon"`), "!field_format advancedFilter"},
			{"huge number", f("loginsCount", "EQUAL", `1e99`), "!field_format advancedFilter"},
			{"custom wrong type", f("age", "EQUAL", `"x"`), "!field_format advancedFilter"},
			{"NUL", f("username", "EQUAL", `"a\u0000"`), "!field_format advancedFilter"},
		} {
			if c.q.Limit == 0 {
				c.q.Page = directory.Page{Page: 1, Limit: 50}
			}
			users, total, err := h.Directory.Users(ctx, p.ID, c.q)
			var names []string
			for _, u := range users {
				names = append(names, u.Username)
			}
			got := strings.Join(names, " ")
			if err != nil {
				got = "!" + code(err)
			}
			if got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			if err == nil && c.q.Page.Page == 1 && int(total) != len(users) {
				t.Errorf("%s: total %d of %d", c.name, total, len(users))
			}
		}
	})
}

func TestIdentities(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		var users []*directory.User
		for _, name := range []string{"a", "b"} {
			u, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: &name}})
			if err != nil {
				t.Fatal(err)
			}
			users = append(users, u)
		}
		link := func(u *directory.User, n directory.NewIdentity) string {
			return code(h.Directory.LinkIdentity(ctx, p.ID, directory.ByID(u.ID), n))
		}
		wechat := directory.NewIdentity{ExtIDPID: "e1", Provider: "wechat", Type: "openid", UserIDInIDP: "o1", AccessToken: "secret-token"}
		for _, c := range []struct {
			name string
			got  string
			want string
		}{
			{"link", link(users[0], wechat), ""},
			{"to another user", link(users[1], wechat), "identity_taken"},
			{"at another source", link(users[1], directory.NewIdentity{ExtIDPID: "e2", UserIDInIDP: "o1"}), ""},
			{"no source", link(users[1], directory.NewIdentity{UserIDInIDP: "o1"}), "field_format provider"},
			{"no account", link(users[1], directory.NewIdentity{Provider: "x"}), "field_format userIdInIdp"},
			{"unknown user", code(h.Directory.LinkIdentity(ctx, p.ID, directory.ByID("x"), wechat)), "user_not_found"},
			{"unlink what is not there", code(h.Directory.UnlinkIdentity(ctx, p.ID, directory.ByID(users[1].ID), "e1", "")), "identity_not_found"},
			{"unlink another type", code(h.Directory.UnlinkIdentity(ctx, p.ID, directory.ByID(users[0].ID), "e1", "unionid")), "identity_not_found"},
		} {
			if c.got != c.want {
				t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
			}
		}
		found, err := h.Directory.Identities(ctx, p.ID, []string{users[0].ID, users[1].ID})
		if err != nil || len(found[users[0].ID]) != 1 || found[users[0].ID][0].AccessToken != "secret-token" || len(found[users[1].ID]) != 1 {
			t.Fatalf("%+v, %v", found, err)
		}
		if stored, _ := db.One[string](ctx, h.DB, "select access_token from identities where ext_idp_id = 'e1'"); strings.Contains(stored, "secret") {
			t.Error("the token is stored in the clear")
		}
		if u, err := h.Directory.UserByIdentity(ctx, p.ID, "wechat", "o1"); err != nil || u.ID != users[0].ID {
			t.Errorf("%v, %v", u, err)
		}
		if _, err := h.Directory.UserByIdentity(ctx, other.ID, "wechat", "o1"); !errors.Is(err, directory.ErrUserNotFound) {
			t.Errorf("another pool: %v", err)
		}
		if err := h.Directory.UnlinkIdentity(ctx, p.ID, directory.ByID(users[0].ID), "e1", "openid"); err != nil {
			t.Error(err)
		}
	})
}
