create table `user` (
  `id` varchar(36) not null primary key,
  `name` varchar(255) not null,
  `email` varchar(255) not null unique,
  `emailVerified` boolean not null,
  `image` text,
  `createdAt` timestamp(3) default CURRENT_TIMESTAMP(3) not null,
  `updatedAt` timestamp(3) default CURRENT_TIMESTAMP(3) not null
);
create table `session` (
  `id` varchar(36) not null primary key,
  `expiresAt` timestamp(3) not null,
  `token` varchar(255) not null unique,
  `createdAt` timestamp(3) default CURRENT_TIMESTAMP(3) not null,
  `updatedAt` timestamp(3) not null,
  `ipAddress` text,
  `userAgent` text,
  `userId` varchar(36) not null references `user` (`id`) on delete cascade
);
create index `session_userId_idx` on `session` (`userId`);
