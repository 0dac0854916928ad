// Package contract holds the machine-read contracts of the wires, as the facades and their tests use them. They are
// facts about clients that exist: a change here is a change of what those clients meet.
package contract

import _ "embed"

// V2Schema is the GraphQL schema of the V2 wire, in SDL. What introspection tells is this.
//
//go:embed v2.graphql
var V2Schema string

// V2REST lists the REST routes that V2 clients call: JSON with the member "routes", each with "method", "path" and
// "methods", the client's methods that call it.
//
//go:embed v2-rest.json
var V2REST []byte
