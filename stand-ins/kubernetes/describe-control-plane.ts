import { join } from 'node:path';

/** The processes of a stand-in cluster. */
export type ClusterComponent = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok';

/** The paths of everything that the processes of a stand-in cluster read and write. */
export interface ClusterFiles {
  readonly folder: string;
  readonly etcdData: string;
  readonly certificates: string;
  readonly certificate: string;
  readonly certificateKey: string;
  readonly tokens: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
  readonly logs: string;
  kubeconfigOf(user: string): string;
}

/** The loopback ports of a stand-in cluster. */
export interface ClusterPorts {
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly apiServer: number;
}

/** Lays out the folder of a stand-in cluster. */
export function layOutClusterFiles(folder: string): ClusterFiles {
  const certificates = join(folder, 'certificates');
  return {
    folder,
    etcdData: join(folder, 'etcd'),
    certificates,
    certificate: join(certificates, 'apiserver.crt'),
    certificateKey: join(certificates, 'apiserver.key'),
    tokens: join(folder, 'tokens.csv'),
    serviceAccountKey: join(folder, 'service-account.key'),
    serviceAccountPublicKey: join(folder, 'service-account.pub'),
    auditPolicy: join(folder, 'audit-policy.yaml'),
    auditLog: join(folder, 'audit.log'),
    logs: join(folder, 'logs'),
    kubeconfigOf: (user) => join(folder, `${user.replaceAll(':', '-')}.kubeconfig`),
  };
}

/** Everything a tool of ours does is audited; the control plane's own reads and leases would drown it. */
export const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
omitManagedFields: true
rules:
  - level: None
    users: [system:kube-controller-manager, system:kube-scheduler, system:kwok, system:apiserver]
    verbs: [get, list, watch]
  - level: None
    users: [system:kube-controller-manager, system:kube-scheduler, system:kwok, system:apiserver]
    resources: [{ group: coordination.k8s.io }, { group: "", resources: [events] }, { group: events.k8s.io }]
  - level: Metadata
`;

type DescribeArguments = (files: ClusterFiles, ports: ClusterPorts) => readonly string[];

const argumentsOf: Readonly<Record<ClusterComponent, DescribeArguments>> = {
  etcd: (files, ports) => [
    '--name=stand-in',
    `--data-dir=${files.etcdData}`,
    `--listen-client-urls=http://127.0.0.1:${ports.etcd}`,
    `--advertise-client-urls=http://127.0.0.1:${ports.etcd}`,
    `--listen-peer-urls=http://127.0.0.1:${ports.etcdPeer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${ports.etcdPeer}`,
    `--initial-cluster=stand-in=http://127.0.0.1:${ports.etcdPeer}`,
    // The data outlives a killed process, which is all a test asks for; nobody pulls the plug.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ],
  'kube-apiserver': (files, ports) => [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${ports.apiServer}`,
    `--cert-dir=${files.certificates}`,
    // A loopback address is no valid endpoint, and nothing in this cluster calls the service "kubernetes".
    '--endpoint-reconciler-type=none',
    '--authorization-mode=RBAC',
    `--token-auth-file=${files.tokens}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${files.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--allow-privileged=true',
    `--audit-policy-file=${files.auditPolicy}`,
    `--audit-log-path=${files.auditLog}`,
    '--audit-log-maxsize=1000',
    '--profiling=false',
  ],
  'kube-controller-manager': (files) => [
    `--kubeconfig=${files.kubeconfigOf('system:kube-controller-manager')}`,
    `--service-account-private-key-file=${files.serviceAccountKey}`,
    `--root-ca-file=${files.certificate}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--profiling=false',
    // With the defaults of 20 and 30, a hundred Deployments wait half a minute for this process alone.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    // A busy machine or a paused kwok must not make the nodes evict what tests look at.
    '--node-monitor-grace-period=10m',
    '--controllers=*,-nodeipam,-node-route-controller,-service-lb-controller,-cloud-node-lifecycle-controller,-certificatesigningrequest-signing-controller,-persistentvolume-attach-detach-controller',
  ],
  'kube-scheduler': (files) => [
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    `--kubeconfig=${files.kubeconfigOf('system:kube-scheduler')}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--profiling=false',
  ],
  kwok: (files) => [
    `--kubeconfig=${files.kubeconfigOf('system:kwok')}`,
    `--config=${join(import.meta.dirname, 'kwok-stages.yaml')}`,
    '--manage-all-nodes=true',
    '--node-lease-duration-seconds=40',
    '--node-ip=10.1.0.1',
    '--cidr=10.244.0.0/16',
  ],
};

/** The arguments with which a component of the cluster is started. */
export function describeComponent(
  component: ClusterComponent,
  files: ClusterFiles,
  ports: ClusterPorts,
): readonly string[] {
  return argumentsOf[component](files, ports);
}
