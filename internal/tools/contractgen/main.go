// Command contractgen writes the V3 facade's table of operations and its request types from the files in contract/. It
// is run by "go generate ./internal/v3"; a test refuses generated files that are older than contract or generator.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("contractgen: ")
	contract := flag.String("contract", "../../contract", "directory of the contract's JSON files")
	out := flag.String("out", ".", "directory to write to")
	flag.Parse()
	files, err := generate(*contract)
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(*out, name), text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
