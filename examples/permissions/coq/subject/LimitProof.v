Require Import ZArith Lia.
Require Statement.
Open Scope Z_scope.

Definition limit (asked most : Z) : Z := if asked <? 0 then 0 else if most <? asked then most else asked.

Theorem limit_keeps_its_contract : Statement.keeps_its_contract limit.
Proof.
  intros asked most H. unfold limit.
  destruct (Z.ltb_spec asked 0); destruct (Z.ltb_spec most asked); split; lia.
Qed.
