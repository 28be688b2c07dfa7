package history

import (
	"fmt"
	"time"
)

// body appends what a message says, in the form of its service.
func (h *History) body(b []byte, s Subject, at time.Time) []byte {
	switch number(s.Service) % 6 {
	case 0:
		return h.build(b, s, at)
	case 1:
		return h.update(b, s, at)
	case 2:
		return h.commit(b, s, at)
	case 3:
		return h.bug(b, s, at)
	case 4:
		return h.mail(b, s, at)
	}
	return h.result(b, s, at)
}

// text appends n words as a sentence or several.
func (h *History) text(b []byte, n int) []byte {
	for i := range n {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, h.vocabulary[h.words.Uint64()]...)
		if i%11 == 10 {
			b = append(b, '.')
		}
	}
	return b
}

// some is a number of words from least on, seldom many more.
func (h *History) some(least, often int) int { return least + int(h.r.ExpFloat64()*float64(often)) }

func (h *History) versions() (version, release string) {
	return fmt.Sprintf("%d.%d.%d", h.r.IntN(6), h.r.IntN(30), h.r.IntN(9)), fmt.Sprintf("%d.fc%d", 1+h.r.IntN(9), 38+h.r.IntN(5))
}

func (h *History) build(b []byte, s Subject, at time.Time) []byte {
	version, release := h.versions()
	state, task := h.r.IntN(5), 90_000_000+h.r.IntN(40_000_000)
	return fmt.Appendf(b, `{"attribute":"state","build_id":%d,"epoch":null,"instance":"primary","name":"%s","new":%d,"old":%d,"owner":"%s","release":"%s",`+
		`"request":["git+https://src.fedoraproject.org/rpms/%s.git#%016x%016x","f%d-candidate",{}],"task":{"arch":"x86_64","channel_id":%d,"id":%d,`+
		`"label":null,"method":"build","start_time":"%s","waiting":false,"weight":0.2},"task_id":%d,"version":"%s"}`,
		2_300_000+h.r.IntN(400_000), s.Package, state, state/2, s.User, release, s.Package, h.r.Uint64(), h.r.Uint64(), 38+h.r.IntN(5),
		1+h.r.IntN(9), task, at.Format("2006-01-02 15:04:05"), task, version)
}

func (h *History) update(b []byte, s Subject, at time.Time) []byte {
	version, release := h.versions()
	alias := fmt.Sprintf("FEDORA-%d-%010x", at.Year(), h.r.Uint64()>>24)
	b = fmt.Appendf(b, `{"agent":"%s","comment":{"author":"%s","id":%d,"karma":%d,"karma_critpath":0,"text":"`, s.User, s.User, 3_000_000+h.r.IntN(900_000), h.r.IntN(3)-1)
	b = h.text(b, h.some(3, 14))
	b = fmt.Appendf(b, `","timestamp":"%s"},"update":{"alias":"%s","autokarma":true,"bugs":[],"builds":[{"epoch":0,"nvr":"%s-%s-%s","release_id":%d,`+
		`"signed":true,"type":"rpm"}],"close_bugs":true,"critpath":false,"date_submitted":"%s","date_testing":null,"karma":%d,"locked":false,`+
		`"meets_testing_requirements":false,"notes":"`, at.Format("2006-01-02 15:04:05"), alias, s.Package, version, release, 28+h.r.IntN(60),
		at.Add(-time.Hour).Format("2006-01-02 15:04:05"), h.r.IntN(5))
	b = h.text(b, h.some(5, 40))
	return fmt.Appendf(b, `","pushed":false,"release":{"branch":"f40","candidate_tag":"f40-updates-candidate","dist_tag":"f40","long_name":"Fedora 40",`+
		`"name":"F40","stable_tag":"f40-updates","state":"current","testing_tag":"f40-updates-testing"},"request":"testing","severity":"unspecified",`+
		`"stable_karma":3,"status":"pending","submitter":"%s","suggest":"unspecified","type":"bugfix","unstable_karma":-3,"url":"https://bodhi.fedoraproject.org/updates/%s"}}`,
		s.User, alias)
}

func (h *History) commit(b []byte, s Subject, at time.Time) []byte {
	version, release := h.versions()
	b = fmt.Appendf(b, `{"agent":"%s","commit":{"agent":"%s","branch":"f%d","date":"%s","email":"%s@fedoraproject.org","message":"`, s.User, s.User,
		38+h.r.IntN(5), at.Format("2006-01-02T15:04:05-07:00"), s.User)
	b = h.text(b, h.some(4, 25))
	return fmt.Appendf(b, `","name":"%s","namespace":"rpms","package":"%s","path":"/srv/git/repositories/rpms/%s.git","repo":"%s","rev":"%016x%016x%08x","seen":false,`+
		`"stats":{"files":{".gitignore":{"additions":%d,"deletions":0,"lines":1},"%s.spec":{"additions":%d,"deletions":%d,"lines":%d},"sources":{"additions":1,`+
		`"deletions":1,"lines":2}},"total":{"additions":%d,"deletions":%d,"files":3,"lines":%d}},"summary":"Update to %s-%s","username":"%s"}}`,
		s.User, s.Package, s.Package, s.Package, h.r.Uint64(), h.r.Uint64(), h.r.Uint32(), h.r.IntN(3), s.Package, h.r.IntN(90), h.r.IntN(60), h.r.IntN(150),
		h.r.IntN(95), h.r.IntN(62), h.r.IntN(160), version, release, s.User)
}

func (h *History) bug(b []byte, s Subject, at time.Time) []byte {
	stamp := at.Format("2006-01-02T15:04:05")
	b = fmt.Appendf(b, `{"bug":{"alias":[],"assigned_to":"%s@redhat.com","classification":"Fedora","component":"%s","creation_time":"%s","creator":"%s","id":%d,`+
		`"is_confirmed":true,"keywords":["Reopened"],"last_change_time":"%s","op_sys":"Linux","platform":"x86_64","priority":"medium","product":"Fedora",`+
		`"resolution":"","severity":"medium","status":{"name":"NEW"},"summary":"`, User(h.r.IntN(Users)), s.Package, stamp, s.User, 2_200_000+h.r.IntN(300_000), stamp)
	b = h.text(b, h.some(3, 6))
	b = fmt.Appendf(b, `","url":"","version":["%d"],"whiteboard":"abrt_hash:%016x%016x;"},"comment":{"author":"%s","body":"`, 38+h.r.IntN(5), h.r.Uint64(), h.r.Uint64(), s.User)
	b = h.text(b, min(900, h.some(8, 70)))
	return fmt.Appendf(b, `","count":%d,"is_private":false},"event":{"action":"modify","bug_id":%d,"rule_id":%d,"time":"%s","user":{"login":"%s","real_name":""}}}`,
		h.r.IntN(40), 2_200_000+h.r.IntN(300_000), h.r.IntN(1000), stamp, s.User)
}

func (h *History) mail(b []byte, s Subject, at time.Time) []byte {
	b = fmt.Appendf(b, `{"mlist":{"list_name":"devel","display_name":"Devel"},"msg":{"archived-at":"<https://lists.fedoraproject.org/archives/list/devel/message/%016X/>",`+
		`"date":"%s","from":"%s@fedoraproject.org","in-reply-to":null,"message-id":"<%016x@mail.example.org>","references":null,"subject":"[%s] `,
		h.r.Uint64(), at.Format(time.RFC1123Z), s.User, h.r.Uint64(), s.Package)
	b = h.text(b, h.some(3, 4))
	b = append(b, `","to":"devel@lists.fedoraproject.org","x-mailman-rule-hits":"member-moderation"},"text":"`...)
	b = h.text(b, min(900, h.some(5, 60)))
	return fmt.Appendf(b, `","username":"%s","packages":["%s"]}`, s.User, s.Package)
}

func (h *History) result(b []byte, s Subject, at time.Time) []byte {
	version, release := h.versions()
	return fmt.Appendf(b, `{"data":{"arch":["x86_64"],"item":["%s-%s-%s"],"type":["koji_build"]},"groups":["%08x-%04x"],"id":%d,"nvr":"%s-%s-%s","outcome":"%s",`+
		`"ref_url":"https://artifacts.ci.example.org/job/%d/","submit_time":"%s","testcase":{"name":"dist.rpm%s","ref_url":"https://docs.example.org/%s"},`+
		`"user":"%s","note":"%s"}`, s.Package, version, release, h.r.Uint32(), h.r.IntN(1<<16), 40_000_000+h.r.IntN(9_000_000), s.Package, version, release,
		[...]string{"PASSED", "FAILED", "INFO", "NEEDS_INSPECTION"}[h.r.IntN(4)], h.r.IntN(1_000_000), at.Format("2006-01-02T15:04:05.000000"),
		[...]string{"lint", "inspect", "grill", "abicheck"}[h.r.IntN(4)], h.vocabulary[h.words.Uint64()], s.User, h.text(nil, h.some(1, 6)))
}
