package directory

import (
	"context"
	"slices"
)

// MembersTopic is that of db.Publish for who is in which groups and departments, and for what groups and departments are called. What begins or ends by the clock is not told: what
// is kept of memberships has their periods.
const MembersTopic = "members"

// The keys of MembersTopic that stand for many. All others are a TargetType, ":" and an identifier: of a user who came to something or left
// it, or of a group or a department that is called or made up otherwise than before.
const (
	TreeMoved   = "TREE"  // departments stand below others than before
	AllUsersKey = "USERS" // any user's memberships may be others
)

// mostMembersTold is how many users one change names; more are all of the pool.
const mostMembersTold = 1000

// membersChanged tells, once the transaction of ctx is durable, that these users have come to groups or departments or left them.
func (d *Directory) membersChanged(ctx context.Context, poolID string, userIDs []string) error {
	if len(userIDs) == 0 {
		return nil
	}
	if len(userIDs) > mostMembersTold {
		return d.db.Publish(ctx, poolID, MembersTopic, AllUsersKey)
	}
	keys := make([]string, 0, len(userIDs))
	for _, id := range userIDs {
		keys = append(keys, "USER:"+id)
	}
	slices.Sort(keys)
	return d.db.Publish(ctx, poolID, MembersTopic, slices.Compact(keys)...)
}
