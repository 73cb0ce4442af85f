// SPDX-License-Identifier: Apache-2.0
// Generated from proto/ by scripts/generate.ts; do not edit.

export const descriptor: Readonly<Record<string, object>> = {
 "nested": {
  "gander": {
   "nested": {
    "v1": {
     "nested": {
      "SensorStream": {
       "methods": {
        "Connect": {
         "requestType": "FromSensor",
         "requestStream": true,
         "responseType": "ToSensor",
         "responseStream": true
        },
        "Events": {
         "requestType": "EventBatch",
         "requestStream": true,
         "responseType": "EventOrder",
         "responseStream": true
        }
       }
      },
      "FromSensor": {
       "oneofs": {
        "message": {
         "oneof": [
          "hello",
          "kernel_facts",
          "ack",
          "summary"
         ]
        }
       },
       "fields": {
        "hello": {
         "type": "Hello",
         "id": 1
        },
        "kernel_facts": {
         "type": "KernelFactsPart",
         "id": 2
        },
        "ack": {
         "type": "Ack",
         "id": 3
        },
        "summary": {
         "type": "Summary",
         "id": 4
        }
       }
      },
      "ToSensor": {
       "fields": {
        "welcome": {
         "type": "Welcome",
         "id": 1
        },
        "offer": {
         "type": "Offer",
         "id": 2
        },
        "policies": {
         "rule": "repeated",
         "type": "Policy",
         "id": 3
        },
        "assignment": {
         "type": "Assignment",
         "id": 4
        },
        "commit": {
         "type": "Commit",
         "id": 5
        },
        "open_events": {
         "type": "OpenEvents",
         "id": 6
        }
       }
      },
      "Hello": {
       "fields": {
        "node": {
         "type": "string",
         "id": 1
        },
        "protocol": {
         "type": "uint32",
         "id": 2
        },
        "sensor_version": {
         "type": "string",
         "id": 3
        },
        "kernel_facts": {
         "type": "bytes",
         "id": 4
        },
        "epoch": {
         "type": "uint64",
         "id": 5
        },
        "state_digest": {
         "type": "bytes",
         "id": 6
        },
        "policies": {
         "rule": "repeated",
         "type": "bytes",
         "id": 7
        }
       }
      },
      "Welcome": {
       "fields": {
        "protocol": {
         "type": "uint32",
         "id": 1
        },
        "operator_version": {
         "type": "string",
         "id": 2
        },
        "send_kernel_facts": {
         "type": "bool",
         "id": 3
        }
       }
      },
      "KernelFacts": {
       "fields": {
        "release": {
         "type": "string",
         "id": 1
        },
        "machine": {
         "type": "string",
         "id": 2
        },
        "btf": {
         "type": "bytes",
         "id": 3
        },
        "features": {
         "rule": "repeated",
         "type": "KernelFeature",
         "id": 4
        },
        "active_lsms": {
         "rule": "repeated",
         "type": "string",
         "id": 5
        },
        "symbols": {
         "type": "bytes",
         "id": 6
        },
        "tracepoints": {
         "type": "bytes",
         "id": 7
        }
       }
      },
      "KernelFeature": {
       "fields": {
        "name": {
         "type": "string",
         "id": 1
        },
        "present": {
         "type": "bool",
         "id": 2
        }
       }
      },
      "KernelFactsPart": {
       "fields": {
        "digest": {
         "type": "bytes",
         "id": 1
        },
        "offset": {
         "type": "uint32",
         "id": 2
        },
        "total": {
         "type": "uint32",
         "id": 3
        },
        "data": {
         "type": "bytes",
         "id": 4
        }
       }
      },
      "Offer": {
       "fields": {
        "epoch": {
         "type": "uint64",
         "id": 1
        },
        "base_epoch": {
         "type": "uint64",
         "id": 2
        },
        "put": {
         "rule": "repeated",
         "type": "PolicyHead",
         "id": 3
        },
        "remove": {
         "rule": "repeated",
         "type": "string",
         "id": 4
        }
       }
      },
      "PolicyHead": {
       "fields": {
        "uid": {
         "type": "string",
         "id": 1
        },
        "generation": {
         "type": "uint64",
         "id": 2
        },
        "name": {
         "type": "string",
         "id": 3
        },
        "namespace": {
         "type": "string",
         "id": 4
        },
        "digest": {
         "type": "bytes",
         "id": 5
        },
        "mode": {
         "type": "string",
         "id": 6
        }
       }
      },
      "Policy": {
       "fields": {
        "digest": {
         "type": "bytes",
         "id": 1
        },
        "content": {
         "type": "bytes",
         "id": 2
        }
       }
      },
      "Assignment": {
       "fields": {
        "put": {
         "rule": "repeated",
         "type": "PodAssignment",
         "id": 1
        },
        "remove": {
         "rule": "repeated",
         "type": "string",
         "id": 2
        },
        "sets": {
         "rule": "repeated",
         "type": "PolicySet",
         "id": 3
        }
       }
      },
      "PolicySet": {
       "fields": {
        "policies": {
         "rule": "repeated",
         "type": "string",
         "id": 1
        }
       }
      },
      "PodAssignment": {
       "fields": {
        "uid": {
         "type": "string",
         "id": 1
        },
        "namespace": {
         "type": "string",
         "id": 2
        },
        "name": {
         "type": "string",
         "id": 3
        },
        "labels": {
         "rule": "repeated",
         "type": "PodLabel",
         "id": 4
        },
        "set": {
         "type": "uint32",
         "id": 5
        }
       }
      },
      "PodLabel": {
       "fields": {
        "key": {
         "type": "string",
         "id": 1
        },
        "value": {
         "type": "string",
         "id": 2
        }
       }
      },
      "Commit": {
       "fields": {
        "epoch": {
         "type": "uint64",
         "id": 1
        },
        "nonce": {
         "type": "uint64",
         "id": 2
        },
        "state_digest": {
         "type": "bytes",
         "id": 3
        }
       }
      },
      "Ack": {
       "fields": {
        "epoch": {
         "type": "uint64",
         "id": 1
        },
        "nonce": {
         "type": "uint64",
         "id": 2
        },
        "state_digest": {
         "type": "bytes",
         "id": 3
        },
        "exceptions": {
         "rule": "repeated",
         "type": "PolicyException",
         "id": 4
        },
        "refusal": {
         "type": "Refusal",
         "id": 5
        }
       }
      },
      "Refusal": {
       "fields": {
        "reason": {
         "type": "string",
         "id": 1
        }
       }
      },
      "PolicyException": {
       "fields": {
        "uid": {
         "type": "string",
         "id": 1
        },
        "state": {
         "type": "PolicyState",
         "id": 2
        },
        "code": {
         "type": "string",
         "id": 3
        },
        "message": {
         "type": "string",
         "id": 4
        },
        "running_generation": {
         "type": "uint64",
         "id": 5
        }
       }
      },
      "PolicyState": {
       "values": {
        "POLICY_STATE_UNSPECIFIED": 0,
        "POLICY_STATE_FAILED": 1,
        "POLICY_STATE_UNSUPPORTED": 2,
        "POLICY_STATE_REFUSED": 3,
        "POLICY_STATE_DEGRADED": 4
       }
      },
      "Summary": {
       "fields": {
        "counting_since": {
         "type": "uint64",
         "id": 1
        },
        "policies": {
         "rule": "repeated",
         "type": "PolicyCounts",
         "id": 2
        }
       }
      },
      "PolicyCounts": {
       "fields": {
        "uid": {
         "type": "string",
         "id": 1
        },
        "hits": {
         "type": "uint64",
         "id": 2
        },
        "enforced": {
         "type": "uint64",
         "id": 3
        },
        "emitted": {
         "type": "uint64",
         "id": 4
        },
        "filtered": {
         "type": "uint64",
         "id": 5
        },
        "suppressed": {
         "type": "uint64",
         "id": 6
        },
        "lost": {
         "type": "uint64",
         "id": 7
        },
        "unevaluated": {
         "type": "uint64",
         "id": 8
        },
        "missed": {
         "type": "uint64",
         "id": 9
        },
        "unknown": {
         "type": "uint64",
         "id": 10
        }
       }
      },
      "OpenEvents": {
       "fields": {}
      },
      "EventOrder": {
       "fields": {
        "start": {
         "type": "StartEvents",
         "id": 1
        },
        "stop": {
         "type": "StopEvents",
         "id": 2
        }
       }
      },
      "StartEvents": {
       "fields": {
        "order": {
         "type": "uint32",
         "id": 1
        },
        "request": {
         "type": "bytes",
         "id": 2
        }
       }
      },
      "StopEvents": {
       "fields": {
        "order": {
         "type": "uint32",
         "id": 1
        }
       }
      },
      "EventBatch": {
       "fields": {
        "order": {
         "type": "uint32",
         "id": 1
        },
        "missing": {
         "type": "uint64",
         "id": 2
        },
        "events": {
         "rule": "repeated",
         "type": "bytes",
         "id": 3
        },
        "watching": {
         "type": "Watching",
         "id": 4
        },
        "node": {
         "type": "string",
         "id": 5
        }
       }
      },
      "Watching": {
       "fields": {
        "nodes": {
         "type": "uint32",
         "id": 1
        },
        "refused": {
         "type": "uint32",
         "id": 2
        },
        "problem": {
         "type": "string",
         "id": 3
        }
       }
      },
      "Fleet": {
       "methods": {
        "GetFleetStatus": {
         "requestType": "GetFleetStatusRequest",
         "responseType": "FleetStatus"
        },
        "ListPolicies": {
         "requestType": "ListFleetPoliciesRequest",
         "responseType": "FleetPolicies",
         "responseStream": true
        },
        "GetPolicyNodes": {
         "requestType": "GetPolicyNodesRequest",
         "responseType": "PolicyNodes",
         "responseStream": true
        }
       }
      },
      "GetFleetStatusRequest": {
       "fields": {}
      },
      "FleetStatus": {
       "fields": {
        "operator_version": {
         "type": "string",
         "id": 1
        },
        "replicas": {
         "rule": "repeated",
         "type": "ReplicaStatus",
         "id": 2
        },
        "nodes": {
         "type": "uint32",
         "id": 3
        },
        "connected": {
         "type": "uint32",
         "id": 4
        },
        "disconnected": {
         "rule": "repeated",
         "type": "string",
         "id": 5
        },
        "unknown": {
         "type": "uint32",
         "id": 6
        },
        "policies": {
         "type": "uint32",
         "id": 7
        },
        "ready": {
         "type": "uint32",
         "id": 8
        }
       }
      },
      "ReplicaStatus": {
       "fields": {
        "identity": {
         "type": "string",
         "id": 1
        },
        "operator_version": {
         "type": "string",
         "id": 2
        },
        "holds_lease": {
         "type": "bool",
         "id": 3
        },
        "sensors": {
         "type": "uint32",
         "id": 4
        }
       }
      },
      "ListFleetPoliciesRequest": {
       "fields": {}
      },
      "FleetPolicies": {
       "fields": {
        "policies": {
         "rule": "repeated",
         "type": "FleetPolicy",
         "id": 1
        }
       }
      },
      "FleetPolicy": {
       "fields": {
        "uid": {
         "type": "string",
         "id": 1
        },
        "name": {
         "type": "string",
         "id": 2
        },
        "namespace": {
         "type": "string",
         "id": 3
        },
        "generation": {
         "type": "uint64",
         "id": 4
        },
        "mode": {
         "type": "string",
         "id": 5
        },
        "nodes": {
         "type": "uint32",
         "id": 6
        },
        "answered": {
         "type": "uint32",
         "id": 7
        },
        "ready": {
         "type": "uint32",
         "id": 8
        },
        "states": {
         "rule": "repeated",
         "type": "StateCount",
         "id": 9
        },
        "worst": {
         "rule": "repeated",
         "type": "PolicyNode",
         "id": 10
        },
        "counts": {
         "type": "PolicyCounts",
         "id": 11
        },
        "problems": {
         "rule": "repeated",
         "type": "string",
         "id": 12
        },
        "revisions": {
         "rule": "repeated",
         "type": "FleetRevision",
         "id": 13
        }
       }
      },
      "FleetRevision": {
       "fields": {
        "generation": {
         "type": "uint64",
         "id": 1
        },
        "nodes": {
         "type": "uint32",
         "id": 2
        },
        "answered": {
         "type": "uint32",
         "id": 3
        },
        "ready": {
         "type": "uint32",
         "id": 4
        }
       }
      },
      "StateCount": {
       "fields": {
        "state": {
         "type": "NodeState",
         "id": 1
        },
        "nodes": {
         "type": "uint32",
         "id": 2
        }
       }
      },
      "GetPolicyNodesRequest": {
       "fields": {
        "namespace": {
         "type": "string",
         "id": 1
        },
        "name": {
         "type": "string",
         "id": 2
        }
       }
      },
      "PolicyNodes": {
       "fields": {
        "policy": {
         "type": "FleetPolicy",
         "id": 1
        },
        "nodes": {
         "rule": "repeated",
         "type": "PolicyNode",
         "id": 2
        }
       }
      },
      "PolicyNode": {
       "fields": {
        "node": {
         "type": "string",
         "id": 1
        },
        "state": {
         "type": "NodeState",
         "id": 2
        },
        "code": {
         "type": "string",
         "id": 3
        },
        "message": {
         "type": "string",
         "id": 4
        },
        "running_generation": {
         "type": "uint64",
         "id": 5
        },
        "counts": {
         "type": "PolicyCounts",
         "id": 6
        }
       }
      },
      "NodeState": {
       "values": {
        "NODE_STATE_UNSPECIFIED": 0,
        "NODE_STATE_READY": 1,
        "NODE_STATE_PENDING": 2,
        "NODE_STATE_DISCONNECTED": 3,
        "NODE_STATE_FAILED": 4,
        "NODE_STATE_UNSUPPORTED": 5,
        "NODE_STATE_REFUSED": 6,
        "NODE_STATE_DEGRADED": 7
       }
      },
      "Peers": {
       "methods": {
        "Report": {
         "requestType": "FromReplica",
         "requestStream": true,
         "responseType": "ToReplica",
         "responseStream": true
        },
        "Events": {
         "requestType": "EventBatch",
         "requestStream": true,
         "responseType": "EventOrder",
         "responseStream": true
        },
        "CheckFleet": {
         "requestType": "FleetCheck",
         "requestStream": true,
         "responseType": "FleetReport",
         "responseStream": true
        }
       }
      },
      "FromReplica": {
       "fields": {
        "hello": {
         "type": "ReplicaHello",
         "id": 1
        },
        "report": {
         "type": "ReplicaReport",
         "id": 2
        },
        "nodes": {
         "type": "NodesAnswer",
         "id": 3
        },
        "checked": {
         "type": "FleetReport",
         "id": 4
        }
       }
      },
      "ToReplica": {
       "fields": {
        "moved": {
         "rule": "repeated",
         "type": "string",
         "id": 1
        },
        "nodes": {
         "type": "NodesQuestion",
         "id": 2
        },
        "open_events": {
         "type": "OpenEvents",
         "id": 3
        },
        "check": {
         "type": "FleetCheck",
         "id": 4
        }
       }
      },
      "ReplicaHello": {
       "fields": {
        "identity": {
         "type": "string",
         "id": 1
        },
        "operator_version": {
         "type": "string",
         "id": 2
        }
       }
      },
      "ReplicaReport": {
       "fields": {
        "came": {
         "rule": "repeated",
         "type": "string",
         "id": 1
        },
        "went": {
         "rule": "repeated",
         "type": "string",
         "id": 2
        },
        "policies": {
         "rule": "repeated",
         "type": "PolicyReport",
         "id": 3
        },
        "more": {
         "type": "bool",
         "id": 4
        }
       }
      },
      "PolicyReport": {
       "fields": {
        "uid": {
         "type": "string",
         "id": 1
        },
        "revisions": {
         "rule": "repeated",
         "type": "RevisionReport",
         "id": 2
        },
        "counts": {
         "type": "PolicyCounts",
         "id": 3
        }
       }
      },
      "RevisionReport": {
       "fields": {
        "generation": {
         "type": "uint64",
         "id": 1
        },
        "digest": {
         "type": "bytes",
         "id": 2
        },
        "mode": {
         "type": "string",
         "id": 3
        },
        "answered": {
         "type": "uint32",
         "id": 4
        },
        "ready": {
         "type": "uint32",
         "id": 5
        },
        "states": {
         "rule": "repeated",
         "type": "StateCount",
         "id": 6
        },
        "worst": {
         "rule": "repeated",
         "type": "PolicyNode",
         "id": 7
        },
        "waiting": {
         "rule": "repeated",
         "type": "string",
         "id": 8
        }
       }
      },
      "NodesQuestion": {
       "fields": {
        "question": {
         "type": "uint32",
         "id": 1
        },
        "uid": {
         "type": "string",
         "id": 2
        }
       }
      },
      "NodesAnswer": {
       "fields": {
        "question": {
         "type": "uint32",
         "id": 1
        },
        "nodes": {
         "rule": "repeated",
         "type": "PolicyNode",
         "id": 2
        },
        "last": {
         "type": "bool",
         "id": 3
        }
       }
      },
      "FleetCheck": {
       "fields": {
        "question": {
         "type": "uint32",
         "id": 1
        },
        "policy": {
         "type": "bytes",
         "id": 2
        }
       }
      },
      "FleetReport": {
       "fields": {
        "question": {
         "type": "uint32",
         "id": 1
        },
        "nodes": {
         "type": "uint32",
         "id": 2
        },
        "unknown": {
         "type": "uint32",
         "id": 3
        },
        "findings": {
         "rule": "repeated",
         "type": "KernelFinding",
         "id": 4
        }
       }
      },
      "KernelFinding": {
       "fields": {
        "severity": {
         "type": "string",
         "id": 1
        },
        "path": {
         "type": "string",
         "id": 2
        },
        "code": {
         "type": "string",
         "id": 3
        },
        "message": {
         "type": "string",
         "id": 4
        },
        "hint": {
         "type": "string",
         "id": 5
        },
        "kernels": {
         "rule": "repeated",
         "type": "KernelNodes",
         "id": 6
        }
       }
      },
      "KernelNodes": {
       "fields": {
        "release": {
         "type": "string",
         "id": 1
        },
        "nodes": {
         "type": "uint32",
         "id": 2
        }
       }
      }
     }
    }
   }
  }
 }
};
