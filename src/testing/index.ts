// Marble tests
export { type Diagram, diagramOf, type Message } from './diagram.ts'
export { type MarblesContext, marbles } from './marbles.ts'
