package v3

import (
	"fmt"
	"strings"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// speaker says in one sentence what an explanation holds, in English or in Chinese.
type speaker struct{ english bool }

func (s speaker) say(en, zh string, args ...any) string {
	if s.english {
		return fmt.Sprintf(en, args...)
	}
	return fmt.Sprintf(zh, args...)
}

// noun is a target by its kind and its name: "role editor".
func (s speaker) noun(t directory.TargetType, name string) string {
	switch t {
	case directory.GroupTarget:
		return s.say("group %s", "分组 %s", name)
	case directory.DepartmentTarget:
		return s.say("department %s", "部门 %s", name)
	case directory.RoleTarget:
		return s.say("role %s", "角色 %s", name)
	}
	return name
}

func nameOf(name, code, id string) string {
	for _, n := range []string{name, code} {
		if n != "" {
			return n
		}
	}
	return id
}

// path tells a way: "Ann is in department Sales, which has role editor, which may edit books". Chinese repeats who is spoken of.
func (s speaker) path(q access.Question, p *access.Path) string {
	var clauses []string
	who := ""
	for i := range p.Steps {
		step := &p.Steps[i]
		name := nameOf(step.Name, step.Code, step.ID)
		switch {
		case i == 0:
		case step.Type == directory.GroupTarget && step.Dynamic != nil:
			clauses = append(clauses, s.say("%sis in group %s, by its rule %s", "%s属于动态分组 %s（规则：%s）", s.subject(who), name, step.Dynamic.Rule))
		case step.Type == directory.GroupTarget:
			clauses = append(clauses, s.say("%sis in group %s", "%s属于分组 %s", s.subject(who), name))
		case step.Inherited:
			clauses = append(clauses, s.say("%sis below department %s", "%s是部门 %s 的下级", s.subject(who), name))
		case step.Type == directory.DepartmentTarget:
			clauses = append(clauses, s.say("%sis in department %s", "%s属于部门 %s", s.subject(who), name))
		default:
			clauses = append(clauses, s.say("%shas role %s", "%s拥有角色 %s", s.subject(who), name))
		}
		who = s.noun(step.Type, name)
	}
	clauses = append(clauses, s.subject(who)+s.rule(q, &p.Rule))
	if !s.english {
		return strings.Join(clauses, "，")
	}
	if len(p.Steps) == 0 {
		return clauses[0]
	}
	return nameOf(p.Steps[0].Name, p.Steps[0].Code, p.Steps[0].ID) + " " + strings.Join(clauses, ", which ")
}

// subject begins a clause; in English the relative pronoun does.
func (s speaker) subject(who string) string {
	if s.english || who == "" {
		return ""
	}
	return who + " "
}

// rule says what a rule allows or forbids, as far as it is asked about: "may edit books".
func (s speaker) rule(q access.Question, r *access.Rule) string {
	deny := r.Effect == access.Deny
	resource := r.Resource
	switch {
	case resource == "*" && deny:
		resource = s.say("anything", "任何资源")
	case resource == "*":
		resource = s.say("everything", "所有资源")
	}
	actions, all := spoken(q, r)
	var text string
	switch {
	case all && deny:
		text = s.say("may not do anything with %s", "不可以对 %s 执行任何操作", resource)
	case all:
		text = s.say("may do everything with %s", "可以对 %s 执行所有操作", resource)
	case len(actions) == 0 && deny:
		text = s.say("may not use %s", "不可以使用 %s", resource)
	case len(actions) == 0:
		text = s.say("may use %s", "可以使用 %s", resource)
	case deny && len(actions) > mostSpoken:
		text = s.say("may not do %[1]s with %[2]s", "不可以对 %[2]s 执行 %[1]s", s.list(actions), resource)
	case len(actions) > mostSpoken:
		text = s.say("may do %[1]s with %[2]s", "可以对 %[2]s 执行 %[1]s", s.list(actions), resource)
	case deny:
		text = s.say("may not %[1]s %[2]s", "不可以对 %[2]s 执行 %[1]s", s.list(actions), resource)
	default:
		text = s.say("may %[1]s %[2]s", "可以对 %[2]s 执行 %[1]s", s.list(actions), resource)
	}
	if r.Policy != "" {
		text += s.say(" by policy %s", "（策略 %s）", r.Policy)
	}
	for _, c := range r.Conditions {
		test := fmt.Sprintf("%s %s %s", c.Param, c.Operator, c.Value)
		if len(c.Value) == 0 {
			test = strings.TrimSpace(c.Param + " " + c.Operator)
		}
		switch {
		case c.Failure != "":
			text += s.say(" where %s (which failed: %s)", "，条件 %s（无法判断：%s）", test, c.Failure)
		case c.Holds:
			text += s.say(" where %s", "，条件 %s", test)
		case c.Actual == nil:
			text += s.say(" where %s (the request has none)", "，条件 %s（请求中没有该值）", test)
		default:
			text += s.say(" where %s (the request has %v)", "，条件 %s（实际为 %v）", test, c.Actual)
		}
	}
	return text
}

// spoken are the actions of a rule to speak of: the one that was asked for if the rule has it, else its own. All is true where it
// has all actions.
func spoken(q access.Question, r *access.Rule) (actions []string, all bool) {
	for _, action := range r.Actions {
		switch verb := verbOf(action, r.Resource); {
		case verb == "*":
			return nil, true
		case q.Action != "" && verb == verbOf(q.Action, q.Resource):
			return []string{verb}, false
		default:
			actions = append(actions, verb)
		}
	}
	return actions, false
}

// verbOf is an action without the type of its resource in front: "edit" of "books:edit" on books.
func verbOf(action, resource string) string {
	kind, _, _ := strings.Cut(resource, ":")
	if verb, ok := strings.CutPrefix(action, kind+":"); ok {
		return verb
	}
	if _, verb, ok := strings.Cut(action, ":"); ok && verb == "*" {
		return verb
	}
	return action
}

const mostSpoken = 3 // of one thing in a sentence

// list is "read, edit and share"; a long one ends with how many more there are.
func (s speaker) list(things []string) string {
	if more := len(things) - mostSpoken; more > 0 {
		return strings.Join(things[:mostSpoken], s.say(", ", "、")) + s.say(" and %d more", "，另有 %d 项", more)
	}
	if len(things) < 2 {
		return strings.Join(things, "")
	}
	last := len(things) - 1
	return strings.Join(things[:last], s.say(", ", "、")) + s.say(" and ", "、") + things[last]
}

// verdict sums up an explanation in which a rule has decided.
func (s speaker) verdict(e *explanationDTO) string {
	if e.Allowed {
		return s.say("Allowed: %s.", "允许：%s。", e.Paths[0].Summary)
	}
	text := s.say("Denied: %s.", "拒绝：%s。", e.Paths[0].Summary)
	if len(e.Overridden) > 0 {
		text += s.say(" This outweighs that %s.", "拒绝优先于：%s。", e.Overridden[0].Summary)
	}
	return text
}

// nothing sums up that no rule speaks of what the user wants.
func (s speaker) nothing(q access.Question, u *directory.User, nearest []nearestDTO) string {
	var text string
	if verb := verbOf(q.Action, q.Resource); verb == "" {
		text = s.say("Not allowed: nothing lets %s use %s.", "不允许：没有规则允许 %s 使用 %s。", u.DisplayName(), q.Resource)
	} else {
		text = s.say("Not allowed: nothing lets %s %s %s.", "不允许：没有规则允许 %[1]s 对 %[3]s 执行 %[2]s。", u.DisplayName(), verb, q.Resource)
	}
	if u.Status == directory.Resigned {
		return text + s.say(" %s has resigned.", "%s 已离职。", u.DisplayName())
	}
	if len(nearest) > 0 {
		text += s.say(" The nearest rule: %s.", "最接近的规则：%s。", nearest[0].Summary)
	}
	return text
}

// holding says of whom a rule is and what it says: "role editor may edit books".
func (s speaker) holding(q access.Question, r *access.Rule, n named) string {
	return s.noun(r.Target.Type, nameOf(n.name, n.code, r.Target.ID)) + " " + s.rule(q, r)
}

// userImpact says what a user would gain and lose.
func (s speaker) userImpact(u *userImpactDTO) string {
	var gained, lost []string
	for _, d := range u.Decisions {
		what := d.Resource
		if verb := verbOf(d.Action, d.Resource); verb != "" {
			what = s.say("%[1]s %[2]s", "对 %[2]s 执行 %[1]s", verb, d.Resource)
		}
		if d.After {
			gained = append(gained, what)
		} else {
			lost = append(lost, what)
		}
	}
	var parts []string
	if len(gained) > 0 {
		parts = append(parts, s.say("could newly: %s", "将可以：%s", s.list(gained)))
	}
	if len(lost) > 0 {
		parts = append(parts, s.say("could no longer: %s", "将不再可以：%s", s.list(lost)))
	}
	return u.Name + " " + strings.Join(parts, s.say("; ", "；")) + s.say(".", "。")
}

// impact sums up what changes would do.
func (s speaker) impact(i *impactDTO) string {
	gained, lost := 0, 0
	for _, u := range i.Users {
		for _, d := range u.Decisions {
			if d.After {
				gained++
			} else {
				lost++
			}
		}
	}
	var text string
	if len(i.Users) == 0 {
		text = s.say("Nothing would change for the users looked at (%d).", "已评估 %d 个用户，没有任何变化。", i.Evaluated)
	} else {
		text = s.say("Of the users looked at (%[1]d), those affected: %[2]d. Permissions gained: %[3]d, lost: %[4]d.",
			"已评估 %d 个用户，受影响 %d 个：新增权限 %d 项，失去权限 %d 项。", i.Evaluated, len(i.Users), gained, lost)
	}
	if i.Truncated {
		text += s.say(" There is more than was looked at.", "影响范围过大，未全部评估。")
	}
	return text
}
