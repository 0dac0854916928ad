package directory

import (
	"context"
	"errors"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/secret"
)

// NewUser is a user to be made.
type NewUser struct {
	UserInput
	SourceType string // adminCreated when empty
	Password   *PasswordInput
	Custom     map[string]jsontext.Value
	Identities []NewIdentity
	TOTP       *TOTP
	// DepartmentIDs are the departments that the user is in from the start; an unknown one is NotFound "department_invalid" (id).
	DepartmentIDs []string
	// Event is the user action to log when users make their own account, and Agreements what they have agreed to.
	Event      string
	Agreements []int64
}

// PasswordInput is a password as it arrives.
type PasswordInput struct {
	Text       string
	Encryption string // "" or "none": plain; "rsa", "sm2": under the pool's key
	Stored     bool   // Text is a hash made elsewhere, to be kept as it is
	Generate   bool   // make one; Text is ignored

	ready *credential // of Prepared, in place of all else
}

// credential is a password ready to be stored.
type credential struct {
	hash  string
	level int64
}

// mostBatch is how many users one call may make or change: the larger of the wires' limits.
const mostBatch = 80

// CreateUser makes one user. See CreateUsers.
func (d *Directory) CreateUser(ctx context.Context, poolID string, n NewUser) (*User, error) {
	users, err := d.CreateUsers(ctx, poolID, []NewUser{n})
	if err != nil {
		return nil, err
	}
	return &users[0], nil
}

// CreateUsers makes users with their passwords, custom values and identities, all of them or none. Each needs one of user
// name, e-mail, phone or an identity (ErrUserUnidentified); what must be unique in the pool and is not gives a Conflict.
func (d *Directory) CreateUsers(ctx context.Context, poolID string, list []NewUser) ([]User, error) {
	if len(list) > mostBatch {
		return nil, fault.New(fault.Invalid, "list_max", "list", "80")
	}
	now := d.db.Now()
	users := make([]User, len(list))
	passwords := make([]*PasswordInput, len(list))
	for i := range list {
		n, u := &list[i], &users[i]
		*u = User{PoolID: poolID, Status: Activated, WorkStatus: "Active", Gender: "U", SourceType: n.SourceType,
			CreatedAt: now, UpdatedAt: now, StatusChangedAt: now, SignedUpAt: now}
		if u.SourceType == "" {
			u.SourceType = "adminCreated"
		}
		if err := n.apply(u, now); err != nil {
			return nil, err
		}
		if !u.identified() && u.UnionID == "" && u.OpenID == "" && u.ExternalID == "" && len(n.Identities) == 0 {
			return nil, ErrUserUnidentified
		}
		passwords[i] = n.Password
	}
	credentials, err := d.credentials(ctx, poolID, passwords)
	if err != nil {
		return nil, err
	}
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		values := make([]TargetValues, 0, len(list))
		for i := range list {
			u := &users[i]
			u.ID = d.db.NewID()
			u.CreatedAt = db.IDTime(u.ID) // so that the order of identifiers is that of making
			if c := credentials[i]; c != nil {
				u.Password, u.PasswordLevel, u.PasswordSetAt = c.hash, c.level, now
			}
			if err := db.Insert(ctx, d.db, "users", u); err != nil {
				return taken(err)
			}
			if err := d.addIdentities(ctx, u, list[i].Identities); err != nil {
				return err
			}
			if list[i].TOTP != nil {
				if err := d.putTOTP(ctx, poolID, u.ID, *list[i].TOTP); err != nil {
					return err
				}
			}
			if len(list[i].Custom) > 0 {
				values = append(values, TargetValues{u.ID, list[i].Custom})
			}
		}
		if err := d.joinDepartments(ctx, poolID, users, list); err != nil {
			return err
		}
		written, err := d.writeValues(ctx, poolID, UserTarget, values)
		if err != nil {
			return err
		}
		byUser := written.byTarget()
		made := make([]userChange, len(users))
		for i := range users {
			u := &users[i]
			made[i].after = u
			changes, err := db.Diff(&User{}, u)
			if err != nil {
				return err
			}
			e := audit.Event{Operation: audit.Create, Resource: audit.User, TargetID: u.ID, TargetName: u.DisplayName(), UserEvent: list[i].Event}
			if e.UserEvent != "" {
				e.UserID = u.ID
			}
			_, e.After = audit.Changes(changes)
			byUser[u.ID].record(&e)
			e.Before = nil
			if len(list[i].DepartmentIDs) > 0 {
				e.After["department_ids"] = list[i].DepartmentIDs
			}
			if len(list[i].Agreements) > 0 {
				e.After["agreements"] = list[i].Agreements
			}
			if err := d.log.Add(ctx, poolID, e); err != nil {
				return err
			}
		}
		if err := d.usersChanged(ctx, poolID, made); err != nil {
			return err
		}
		return d.db.Count(ctx, poolID, userTally, int64(len(users)))
	})
	return users, err
}

const userTally = "users"

// credentials decrypts and hashes passwords, as many at once as the hasher lets. A nil input gives a nil credential.
func (d *Directory) credentials(ctx context.Context, poolID string, inputs []*PasswordInput) ([]*credential, error) {
	out := make([]*credential, len(inputs))
	errs := make([]error, len(inputs))
	var wg sync.WaitGroup
	for i, in := range inputs {
		if in == nil {
			continue
		}
		if in.ready != nil {
			out[i] = in.ready
			continue
		}
		plain, err := d.plain(ctx, poolID, in)
		if err != nil {
			return nil, err
		}
		if in.Stored {
			hash, err := secret.Importable(plain)
			if err != nil {
				return nil, err
			}
			out[i] = &credential{hash: hash}
			continue
		}
		wg.Go(func() {
			hash, err := d.hasher.Hash(ctx, plain)
			out[i], errs[i] = &credential{hash, int64(secret.Level(plain))}, err
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

func (d *Directory) plain(ctx context.Context, poolID string, in *PasswordInput) (string, error) {
	if in.Generate {
		return secret.GeneratePassword(), nil
	}
	switch in.Encryption {
	case "", "none":
		return in.Text, nil
	case "rsa", "sm2":
		return d.Decrypt(ctx, poolID, in.Encryption, in.Text)
	}
	return "", fault.Field("passwordEncryptType")
}

// UserPatch is a change of a user.
type UserPatch struct {
	UserInput
	Password *PasswordInput
	Custom   map[string]jsontext.Value // a null removes the value
	Event    string                    // the user action to log when users change themselves
}

// UpdateUser changes one user. See UpdateUsers.
func (d *Directory) UpdateUser(ctx context.Context, poolID string, ref UserRef, p UserPatch) (*User, error) {
	users, err := d.UpdateUsers(ctx, poolID, []UserRef{ref}, []UserPatch{p})
	if err != nil {
		return nil, err
	}
	return &users[0], nil
}

// UpdateUsers changes the referred users, each by the patch of the same index, all of them or none, and returns them as they
// then are. Changing nothing writes nothing.
func (d *Directory) UpdateUsers(ctx context.Context, poolID string, refs []UserRef, patches []UserPatch) ([]User, error) {
	if len(refs) > mostBatch {
		return nil, fault.New(fault.Invalid, "list_max", "list", "80")
	}
	passwords := make([]*PasswordInput, len(patches))
	for i := range patches {
		passwords[i] = patches[i].Password
	}
	credentials, err := d.credentials(ctx, poolID, passwords)
	if err != nil {
		return nil, err
	}
	var users []User
	err = d.db.Tx(ctx, func(ctx context.Context) error {
		users = users[:0]
		var changes []userChange
		for i, ref := range refs {
			u, err := d.lockUser(ctx, poolID, ref)
			if err != nil {
				return err
			}
			before := *u
			changed, err := d.patch(ctx, u, &patches[i], credentials[i])
			if err != nil {
				return err
			}
			if changed {
				changes = append(changes, userChange{&before, u})
			}
			if p := &patches[i]; p.Status != nil && *p.Status == Activated || p.Blocked != nil && !*p.Blocked {
				for _, f := range d.opened {
					if err := f(ctx, poolID, u.ID); err != nil {
						return err
					}
				}
			}
			users = append(users, *u)
		}
		return d.usersChanged(ctx, poolID, changes)
	})
	return users, err
}

// patch writes one change to a locked user and reports whether there was anything to change.
func (d *Directory) patch(ctx context.Context, u *User, p *UserPatch, c *credential) (changed bool, err error) {
	before, now := *u, d.db.Now()
	if err := p.apply(u, now); err != nil {
		return false, err
	}
	if before.identified() && !u.identified() {
		return false, ErrUserUnidentified
	}
	if c != nil {
		u.Password, u.PasswordLevel, u.PasswordSetAt = c.hash, c.level, now
		if p.ResetPasswordOnLogin == nil {
			u.ResetPasswordOnLogin = false
		}
	}
	if before.Status == Activated && u.Status != Activated || c != nil && p.Event == "" {
		u.TokensAfter = now // shut accounts, and those whose password somebody else has set, lose what they hold, for good
	}
	if u.Status == Resigned && before.Status != Resigned {
		u.MainDepartmentID, u.MainDepartmentCode = "", "" // as strip leaves it
	}
	changes, err := db.Diff(&before, u)
	if err != nil {
		return false, err
	}
	if len(changes) == 0 && len(p.Custom) == 0 {
		return false, nil
	}
	u.UpdatedAt = now
	changes = append(changes, db.Change{Column: "updated_at", Before: before.UpdatedAt, After: now})
	if err := db.Update(ctx, d.db, "users", changes, "pool_id = ? and id = ?", u.PoolID, u.ID); err != nil {
		return false, taken(err)
	}
	written, err := d.writeValues(ctx, u.PoolID, UserTarget, []TargetValues{{u.ID, p.Custom}})
	if err != nil {
		return false, err
	}
	e := audit.Event{Operation: audit.Update, Resource: audit.User, TargetID: u.ID, TargetName: u.DisplayName(), UserEvent: p.Event}
	if p.Event != "" {
		e.UserID = u.ID
	}
	e.Before, e.After = audit.Changes(changes)
	written.record(&e)
	if u.Status == Resigned && before.Status != Resigned {
		e.Operation = audit.Resign
		if err := d.strip(ctx, u.PoolID, []string{u.ID}); err != nil {
			return false, err
		}
	}
	return true, d.log.Add(ctx, u.PoolID, e)
}

// strip takes from users all that they were given: groups, departments, posts, and through the registered hooks roles and grants.
func (d *Directory) strip(ctx context.Context, poolID string, ids []string) error {
	if err := d.removeMemberships(ctx, poolID, ids); err != nil {
		return err
	}
	if err := d.removeDepartments(ctx, poolID, ids); err != nil {
		return err
	}
	return d.detach(ctx, poolID, ids)
}

// Resign ends the users' accounts: grants, departments, roles, groups and posts go, the profile stays, nobody gets in any more.
// It cannot be undone. Users who have resigned already are left as they are.
func (d *Directory) Resign(ctx context.Context, poolID string, refs []UserRef) error {
	resigned := Resigned
	patches := make([]UserPatch, len(refs))
	for i := range patches {
		patches[i].Status = &resigned
	}
	_, err := d.UpdateUsers(ctx, poolID, refs, patches)
	return err
}

// DeleteUsers removes users and everything of theirs, for good, all of them or none: an unknown one is ErrUserNotFound.
func (d *Directory) DeleteUsers(ctx context.Context, poolID string, refs []UserRef) error {
	return d.deleteUsers(ctx, poolID, refs, "")
}

// deleteUsers is DeleteUsers; event is the user action to log when users delete themselves.
func (d *Directory) deleteUsers(ctx context.Context, poolID string, refs []UserRef, event string) error {
	return d.db.Tx(ctx, func(ctx context.Context) error {
		found, err := d.usersByRefs(ctx, poolID, refs)
		if err != nil {
			return err
		}
		var ids []string
		var gone []userChange
		seen := make(map[string]bool)
		for i := range refs {
			switch u := found[i]; {
			case u == nil:
				return ErrUserNotFound
			case !seen[u.ID]:
				seen[u.ID] = true
				ids = append(ids, u.ID)
				gone = append(gone, userChange{before: u})
				changes, err := db.Diff(u, &User{})
				if err != nil {
					return err
				}
				before, _ := audit.Changes(changes)
				e := audit.Event{Operation: audit.Delete, Resource: audit.User, TargetID: u.ID, TargetName: u.DisplayName(), UserEvent: event, Before: before}
				if event != "" {
					e.UserID = u.ID
				}
				if err := d.log.Add(ctx, poolID, e); err != nil {
					return err
				}
			}
		}
		if err := d.strip(ctx, poolID, ids); err != nil {
			return err
		}
		if err := d.removeValues(ctx, poolID, UserTarget, ids); err != nil {
			return err
		}
		for _, table := range []string{"identities", "sync_relations", "user_factors", "factors", "passkeys", "remembered_devices", "application_users", "password_history"} {
			if _, err := db.Exec(ctx, d.db, "delete from "+table+" where pool_id = ? and user_id in (?...)", poolID, ids); err != nil {
				return err
			}
		}
		n, err := db.Exec(ctx, d.db, "delete from users where pool_id = ? and id in (?...)", poolID, ids)
		if err != nil {
			return err
		}
		if err := d.usersChanged(ctx, poolID, gone); err != nil {
			return err
		}
		return d.db.Count(ctx, poolID, userTally, -n)
	})
}

// taken names the unique value that a write ran into.
func taken(err error) error {
	for column, known := range map[string]*fault.Error{"username": ErrUsernameTaken, "email": ErrEmailTaken,
		"phone_key": ErrPhoneTaken, "external_id": ErrExternalIDTaken} {
		if db.IsUnique(err, "users", column) {
			return known.Because(err)
		}
	}
	return err
}
