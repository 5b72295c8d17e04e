(* Compiled after the candidate's LimitProof, whose names it takes at their word alone; coqchk then checks everything. *)
Require Statement LimitProof.

Definition checked : Statement.keeps_its_contract LimitProof.limit := LimitProof.limit_keeps_its_contract.
