// Command manpages writes the manual pages of fedmsg from what `fedmsg commands` says of its verbs, read from the standard
// input: one for the program, one for each verb, FEDMSG-VERB(1), and one for each old name of the program that no verb has.
// A verb and an old name that are called the same have one page, where the old name has a section.
//
//	fedmsg commands | manpages --dir man1 --version 1.2.3 --date 2026-01-31
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "directory of the pages, which must be there")
	version := flag.String("version", "", "version of the program, shown at the foot of each page")
	date := flag.String("date", "", "date of the version, as in 2026-01-31")
	flag.Parse()
	if err := write(os.Stdin, *dir, edition{version: *version, date: *date}); err != nil {
		fmt.Fprintf(os.Stderr, "manpages: %s\n", err)
		os.Exit(1)
	}
}

// write reads what there is and writes all pages.
func write(r io.Reader, dir string, of edition) error {
	var root command
	if err := json.NewDecoder(r).Decode(&root); err != nil {
		return fmt.Errorf("reading what `fedmsg commands` says: %w", err)
	}
	for _, p := range pages(&root) {
		if err := os.WriteFile(filepath.Join(dir, p.name+".1"), p.roff(of), 0o644); err != nil {
			return err
		}
	}
	return nil
}
