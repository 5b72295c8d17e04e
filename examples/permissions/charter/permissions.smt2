; An agent's file of permissions may only shrink, or grow within the envelope below, for all requests.
; "unsat" means: there is no request that the candidate allows and that neither the live release nor the envelope does.
;@ any allowed ((tool String) (path String) (size Int)) permissions.json /allow (and (= tool {/tool}) (str.prefixof {/below} path) (<= size {/bytes_max}))
;@ any allowed_now ((tool String) (path String) (size Int)) parent permissions.json /allow (and (= tool {/tool}) (str.prefixof {/below} path) (<= size {/bytes_max}))
;@ show tool path size
(declare-const tool String)
(declare-const path String)
(declare-const size Int)
(define-fun in_envelope () Bool
  (and (= tool "read") (str.prefixof "/srv/data/" path) (<= size 65536)))
(assert (<= 0 size))
(assert (allowed tool path size))
(assert (not (allowed_now tool path size)))
(assert (not in_envelope))
