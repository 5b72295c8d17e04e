(* What the candidate has to prove of its own definition: the same contract as in contract_head.mlw. *)
Require Import ZArith.
Open Scope Z_scope.

Definition keeps_its_contract (limit : Z -> Z -> Z) : Prop :=
  forall asked most : Z, 0 <= most ->
    0 <= limit asked most <= most /\ (0 <= asked <= most -> limit asked most = asked).
