package facts

import "strings"

// role is what a value is there for, as the name of its member says.
type role uint8

const (
	nothing  role = iota
	user          // NAME, or an object with the name, or a list of these
	users         // the same, or names between commas or spaces, or an object with a member for each
	person        // an object with the address of somebody, as in the messages that are made of mails
	pkg           // as user
	packages      // as users
	source        // a package, where it is a text: others have objects and addresses of that name
	build         // NAME-VERSION-RELEASE, perhaps as the name of a file
	name          // of the user or package that the object is for
	email         // of the user or person that the object is for
	version       // a release beside a name and a version makes the name that of a package
	release
)

// longestKey bounds the names of members that can mean something.
const longestKey = 24

// roleOf tells what a member is there for. Case does not matter, and a dash is as good as an underscore.
func roleOf(key []byte) role {
	if len(key) > longestKey {
		return nothing
	}
	var lower [longestKey]byte
	for i, c := range key {
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c == '-':
			c = '_'
		}
		lower[i] = c
	}
	switch string(lower[:len(key)]) {
	case "user", "username", "user_name", "userid", "login", "nick", "nickname", "agent", "agent_name", "owner", "owner_name",
		"author", "submitter", "creator", "reporter", "assignee", "assigned_to", "requester", "uploader", "maintainer", "sender",
		"packager", "editor", "tester", "pusher", "point_of_contact", "who", "changed_by", "closed_by", "created_by", "done_by",
		"updated_by", "recipient":
		return user
	case "users", "usernames", "nicks", "agents", "owners", "authors", "assignees", "reviewers", "maintainers", "uploaders",
		"attendees", "chairs", "members", "fas_usernames":
		return users
	case "person":
		return person
	case "package", "package_name", "pkg", "pkg_name", "pkgname", "component", "component_name", "source_package", "srcpkg":
		return pkg
	case "packages", "package_names", "pkgs", "components", "source_packages":
		return packages
	case "source":
		return source
	case "nvr", "nvra", "nevr", "nevra", "envr", "package_nvr", "build_nvr", "srpm":
		return build
	case "name":
		return name
	case "email":
		return email
	case "version":
		return version
	case "release":
		return release
	}
	return nothing
}

// packageOf gives the package of NAME-VERSION-RELEASE, as koji and rpm write it, or nothing. A directory before it and an epoch
// are left out.
func packageOf(nvr string) string {
	nvr = nvr[strings.LastIndexByte(nvr, '/')+1:]
	for range 2 {
		dash := strings.LastIndexByte(nvr, '-')
		if dash < 0 || dash == len(nvr)-1 {
			return ""
		}
		nvr = nvr[:dash]
	}
	if epoch, rest, ok := strings.Cut(nvr, ":"); ok && strings.Trim(epoch, "0123456789") == "" {
		nvr = rest
	}
	return nvr
}
